-- Contracts of a customer that follow each other within $within days are one spell, however often renewed (L3, survival).
with placed as (
    select
        k.customer_id,
        k.starts_at,
        k.ends_at,
        k.renewed,
        max(k.ends_at) over (
            partition by k.customer_id order by k.starts_at, k.ends_at, k.contract_id
            rows between unbounded preceding and 1 preceding
        ) as ended_before
    from contracts as k
    where k.starts_at is not null and k.ends_at is not null and k.ends_at >= k.starts_at
),
numbered as (
    select
        *,
        sum(case when ended_before is null or date_diff('day', ended_before, starts_at) > $within then 1 else 0 end) over (
            partition by customer_id order by starts_at, ends_at rows between unbounded preceding and current row
        ) as spell
    from placed
),
spells as (
    select
        customer_id,
        spell,
        min(starts_at) as starts_at,
        max(ends_at) as ends_at,
        max(case when renewed then ends_at end) as renewed_at,
        max(case when not renewed then ends_at end) as refused_at
    from numbered
    group by customer_id, spell
)
select
    s.customer_id,
    s.starts_at,
    s.ends_at,
    date_diff('day', s.starts_at, s.ends_at) + 1 as days,
    date_diff('day', s.starts_at, cast($end as date)) + 1 as so_far,
    s.ends_at <= $end
    and (date_diff('day', s.ends_at, cast($end as date)) >= $within or coalesce(s.refused_at = s.ends_at, false))
    and coalesce(s.renewed_at < s.ends_at, true) as lost,
    s.ends_at <= $end and coalesce(s.renewed_at = s.ends_at, false) as renewed,
    c.kind,
    c.region,
    c.industry,
    c.size,
    c.channel
from spells as s
left join customers as c on c.customer_id = s.customer_id
where s.starts_at <= $end
order by s.customer_id, s.starts_at
