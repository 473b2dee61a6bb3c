-- What each customer has last decided about a purpose and channel, as it stands on the day $on (method.md, D7).
-- Only what was granted by then counts; a withdrawal counts from its own day, whatever row it stands in. A grant without a date cannot be shown and is none ('undated'); a refusal counts
-- with and without a date.
with
decisions as (
    select
        customer_id, purpose, channel, granted, granted_at, withdrawn_at, expires_at,
        row_number() over (
            partition by customer_id, purpose, channel
            order by greatest(granted_at, case when withdrawn_at <= $on then withdrawn_at end) desc nulls last,
                granted, withdrawn_at desc nulls last, expires_at
        ) as newest,
        max(case when granted = false and granted_at is null then 1 else 0 end) over (
            partition by customer_id, purpose, channel
        ) as refused
    from consents
    where granted_at <= $on or granted_at is null
)
select
    customer_id, purpose, channel,
    case
        when refused = 1 or granted = false or withdrawn_at <= $on then 'withdrawn'
        when granted_at is null then 'undated'
        when expires_at < $on then 'expired'
        else 'granted'
    end as standing
from decisions
where newest = 1
order by customer_id, purpose, channel
