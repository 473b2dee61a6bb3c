-- Whose contract that ran on the day $cut went on: said to be renewed, or followed by another that began at most $within days
-- after its end (or before it) and ends later.
with running as (
    select customer_id, max(ends_at) as ends_at
    from contracts
    where starts_at <= $cut and ends_at > $cut
    group by customer_id
),
said as (
    select r.customer_id, r.ends_at, max(case when c.renewed then 1 else 0 end) as renewed
    from running as r
    join contracts as c on c.customer_id = r.customer_id and c.ends_at = r.ends_at
    group by r.customer_id, r.ends_at
),
followed as (
    select r.customer_id, count(*) as others
    from running as r
    join contracts as c on c.customer_id = r.customer_id
        and c.ends_at > r.ends_at
        and date_diff('day', r.ends_at, c.starts_at) <= $within
    group by r.customer_id
)
select s.customer_id, s.renewed = 1 or coalesce(f.others, 0) > 0 as kept
from said as s
left join followed as f on f.customer_id = s.customer_id
order by s.customer_id
