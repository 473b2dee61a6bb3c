-- What was known of each customer at the end of the day $cut: the ground of churn risk (L4). Names stand for the tables as they
-- stood on that day (workbook/value/before.py). $recent: days that count as recent.
with days as (
    select customer_id, cast(ordered_at as date) as day, sum(amount) as spent
    from orders
    where customer_id is not null
    group by customer_id, cast(ordered_at as date)
),
bought as (
    select
        customer_id,
        count(*) as purchases,
        date_diff('day', min(day), cast($cut as date)) as tenure_days,
        date_diff('day', max(day), cast($cut as date)) as silence_days,
        date_diff('day', min(day), max(day)) as span_days,
        sum(spent) as spent,
        sum(case when date_diff('day', day, cast($cut as date)) < $recent then spent else 0 end) as spent_recent,
        sum(case when date_diff('day', day, cast($cut as date)) between $recent and 2 * $recent - 1
            then spent else 0 end) as spent_before
    from days
    group by customer_id
),
asked as (
    select
        customer_id,
        sum(case when date_diff('day', cast(opened_at as date), cast($cut as date)) < $recent
            then 1 else 0 end) as tickets_recent,
        sum(case when resolved_at is null then 1 else 0 end) as tickets_open
    from tickets
    where customer_id is not null
    group by customer_id
),
heard as (
    select customer_id, min(score / nullif(scale_max, 0)) as lowest_score
    from feedback
    where customer_id is not null and date_diff('day', cast(given_at as date), cast($cut as date)) < $recent
    group by customer_id
),
met as (
    select
        customer_id,
        sum(case when date_diff('day', cast(happened_at as date), cast($cut as date)) < $recent
            then 1 else 0 end) as contacts_recent,
        sum(case when date_diff('day', cast(happened_at as date), cast($cut as date)) between $recent and 2 * $recent - 1
            then 1 else 0 end) as contacts_before
    from interactions
    group by customer_id
),
held as (
    select
        customer_id,
        count(*) as contracts,
        max(ends_at) as contract_ends,
        max(value) as contract_value
    from contracts
    group by customer_id
),
everybody as (
    select customer_id from bought
    union
    select customer_id from held
)
select
    e.customer_id,
    coalesce(c.kind, 'other') as kind,
    cast(coalesce(b.purchases, 0) as double) as purchases,
    cast(b.tenure_days as double) as tenure_days,
    cast(b.silence_days as double) as silence_days,
    cast(b.span_days as double) as span_days,
    cast(coalesce(b.spent, 0) as double) as spent,
    cast(coalesce(b.spent_recent, 0) as double) as spent_recent,
    cast(coalesce(b.spent_before, 0) as double) as spent_before,
    cast(coalesce(a.tickets_recent, 0) as double) as tickets_recent,
    cast(coalesce(a.tickets_open, 0) as double) as tickets_open,
    h.lowest_score,
    cast(coalesce(m.contacts_recent, 0) as double) as contacts_recent,
    cast(coalesce(m.contacts_before, 0) as double) as contacts_before,
    cast(coalesce(k.contracts, 0) as double) as contracts,
    k.contract_ends,
    cast(coalesce(k.contract_value, 0) as double) as contract_value
from everybody as e
left join customers as c on c.customer_id = e.customer_id
left join bought as b on b.customer_id = e.customer_id
left join asked as a on a.customer_id = e.customer_id
left join heard as h on h.customer_id = e.customer_id
left join met as m on m.customer_id = e.customer_id
left join held as k on k.customer_id = e.customer_id
