-- Pairs of records that share a key (table keyed: link_records with key; link_shared: which keys are
-- too common), and what speaks against each.
--
-- Parameters: $rule, $rank   id and place of the rule
--             $within        whether two records of one system may be one customer
--             $guarded       whether names, kind, birthday and ids must not contradict
--             $review        whether the rule only puts pairs up for review
--
-- Names agree where they are equal, one begins with the other, or both their words are alike; where one of them is missing
-- the pair is as good as the company it keeps: a key under which other names conflict says nothing about it.
insert into link_pairs
with pairs as (
    select
        l.record as a, r.record as b, l.key, l.system = r.system as one_system,
        l.kind <> r.kind as kinds_differ,
        coalesce(l.union_id <> r.union_id, false) or coalesce(l.registration_id <> r.registration_id, false)
            -- a digit or two may be a slip of the pen
            or coalesce(damerau_levenshtein(cast(l.birthday as varchar), cast(r.birthday as varchar)) > 2, false)
            as identity_differs,
        case
            when l.name_key is null or r.name_key is null then null
            when l.name_key = r.name_key then 1.0
            when starts_with(l.name_key, r.name_key) or starts_with(r.name_key, l.name_key) then 0.95
            when l.family is not null and r.family is not null then greatest(
                least(
                    case when starts_with(l.given, r.given) or starts_with(r.given, l.given) then 0.95
                        else jaro_winkler_similarity(l.given, r.given) end,
                    jaro_winkler_similarity(l.family, r.family)),
                -- the family name may stand first
                least(jaro_winkler_similarity(l.given, r.family), jaro_winkler_similarity(l.family, r.given)))
            else jaro_winkler_similarity(l.name_key, r.name_key)
        end as likeness
    from keyed as l
    join keyed as r on r.key = l.key and r.record > l.record
    join link_shared as s on s.key = l.key and not s.common
),
judged as (
    select *, bool_or(coalesce(likeness < 0.88, false)) over (partition by key) as names_conflict from pairs
),
objected as (
    select
        a, b, likeness,
        case
            when not $guarded then null
            when coalesce(kinds_differ, false) then 'kinds_differ'
            when identity_differs then 'identity_differs'
            when likeness < 0.88 then 'names_differ'
            when likeness is null and names_conflict then 'names_unknown'
        end as objection
    from judged
    where $within or not one_system
)
select
    a, b, $rank, $rule,
    case when $review or objection is not null then coalesce(likeness, 0.5) else 1.0 end,
    case when $review or objection is not null then 'review' else 'link' end,
    case when objection is not null then objection when $review then 'review_rule' else '' end
from objected
-- a name in common and something that contradicts it is no case for a person to look at
where not ($review and objection is not null)
