-- Customer records made ready for comparison: one row a record of each system (method.md, D4).
--
-- A name key has no titles, legal forms, signs, spaces or accents; given and family are the outer words of a name in Latin
-- letters, whole is any other. A contact that cannot be one (an e-mail without @) is no key. Records are numbered from the most
-- trusted system on, oldest first: the first record of a customer gives him his id.
create or replace temp table link_records as
with words as (
    select
        *,
        lower(strip_accents(name)) as plain,
        kind = 'company' as is_company
    from link_sources
),
bare as (
    select
        *,
        case when is_company then
            regexp_replace(
                plain,
                '(股份)?(有限)?(责任)?公司$|集团$|[(（]中国[)）]|\b(co|company|ltd|limited|inc|llc|corp|corporation|gmbh|ag|plc|sa)\b[.]?',
                '', 'g'
            )
        else regexp_replace(plain, '(先生|女士|小姐|太太)$|^(mr|mrs|ms|miss|dr|herr|frau)[.]?\s+', '', 'g') end as kept
    from words
),
spelled as (
    select *, not coalesce(is_company, false) and not regexp_matches(kept, '[^\p{Latin}\p{M}\p{P}\p{S}\p{N}\s]') as in_words
    from bare
)
select
    cast(row_number() over (order by case system {rank} end, created_at nulls last, customer_id, _file, _row) - 1 as integer)
        as record,
    system, customer_id, name, kind, phone, email, region, industry, size, channel, owner, postcode, birthday,
    created_at, updated_at, lower(union_id) as union_id, upper(registration_id) as registration_id,
    nullif(regexp_replace(kept, '[\s\p{P}\p{S}]', '', 'g'), '') as name_key,
    case when in_words then nullif(regexp_replace(split_part(trim(kept), ' ', 1), '[\p{P}\p{S}]', '', 'g'), '') end as given,
    case when in_words and contains(trim(kept), ' ')
        then nullif(regexp_replace(split_part(trim(kept), ' ', -1), '[\p{P}\p{S}]', '', 'g'), '') end as family,
    case when not in_words then nullif(regexp_replace(kept, '[\s\p{P}\p{S}]', '', 'g'), '') end as whole,
    case when regexp_full_match(phone, '[+]?[0-9]{7,15}') then phone end as phone_key,
    case when regexp_full_match(email, '[^@\s]+@[^@\s]+[.][^@\s]+') then lower(email) end as email_key
from spelled
order by record
