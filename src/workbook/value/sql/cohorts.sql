-- Customers by the period of their first purchase and the periods in which they bought again (L1). A period is $months whole
-- months, counted from the year 0. Whoever may have bought before the files begin stands in no cohort: there the record must have
-- been made on or after the first day of the files, or, without a record date, the first purchase lie $lead days or more after it.
with days as (
    select distinct customer_id, cast(ordered_at as date) as day
    from orders
    where customer_id is not null
),
begun as (select min(day) as day from days),
firsts as (
    select d.customer_id, min(d.day) as first_day
    from days as d
    group by d.customer_id
),
seen as (
    select
        f.customer_id,
        cast(floor((12 * extract(year from f.first_day) + extract(month from f.first_day) - 1) / $months) as bigint) as cohort
    from firsts as f
    cross join begun as b
    left join customers as c on c.customer_id = f.customer_id
    where case when c.created_at is not null then c.created_at >= b.day else date_diff('day', b.day, f.first_day) >= $lead end
),
active as (
    select distinct
        s.customer_id,
        s.cohort,
        cast(floor((12 * extract(year from d.day) + extract(month from d.day) - 1) / $months) as bigint) - s.cohort as age
    from seen as s
    join days as d on d.customer_id = s.customer_id
)
select cohort, age, count(*) as customers
from active
group by cohort, age
order by cohort, age
