-- What each customer has last decided about a purpose and channel, as it stands on the day $on (method.md, D7).
-- Only what was granted by then counts; a grant without a date cannot be shown and is none.
with
decisions as (
    select
        customer_id, purpose, channel, withdrawn_at, expires_at,
        row_number() over (
            partition by customer_id, purpose, channel order by granted_at desc, withdrawn_at desc nulls last, expires_at
        ) as newest
    from consents
    where granted_at <= $on
)
select
    customer_id, purpose, channel,
    case when withdrawn_at <= $on then 'withdrawn' when expires_at < $on then 'expired' else 'granted' end as standing
from decisions
where newest = 1
order by customer_id, purpose, channel
