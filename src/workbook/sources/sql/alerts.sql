-- Checks across the canonical tables (method.md, D3): how many rows contradict others, of how many that could.
-- Every check gives: alert, "table", "column", rows (that fail), checked (that could be held against something).
-- Parameters: $end last day of the period; the tolerance of an amount is 0.01.
with
line_sums as (
    select order_id, sum(amount) as amount, count(*) as lines
    from order_lines
    group by order_id
),
orders_against_lines as (
    select o.amount as ordered, l.amount as summed
    from orders as o
    join line_sums as l on l.order_id = o.order_id
    where o.amount is not null and l.amount is not null
),
people as (
    select customer_id, phone as contact from customers where phone is not null
    union all
    select customer_id, email from customers where email is not null
    union all
    select customer_id, union_id from customers where union_id is not null
),
shared_contacts as (
    -- one phone of more than five records is a switchboard and not one person
    select contact from people group by contact having count(*) between 2 and 5
),
doubles as (
    select p.customer_id from people as p join shared_contacts as s on s.contact = p.contact group by p.customer_id
)
select 'order_amount_differs' as alert, 'orders' as "table", 'amount' as "column",
    sum(case when abs(ordered - summed) > 0.01 then 1 else 0 end) as rows, count(*) as checked
from orders_against_lines
union all
select 'order_without_lines', 'orders', 'order_id', sum(case when l.order_id is null then 1 else 0 end), count(*)
from orders as o left join line_sums as l on l.order_id = o.order_id
union all
select 'lines_without_order', 'order_lines', 'order_id', sum(case when o.order_id is null then l.lines else 0 end), sum(l.lines)
from line_sums as l left join orders as o on o.order_id = l.order_id
union all
select 'line_without_product', 'order_lines', 'product_id',
    sum(case when l.product_id is not null and p.product_id is null then 1 else 0 end), count(l.product_id)
from order_lines as l left join products as p on p.product_id = l.product_id
union all
select 'order_without_customer', 'orders', 'customer_id', sum(case when customer_id is null then 1 else 0 end), count(*)
from orders
union all
select 'order_of_unknown_customer', 'orders', 'customer_id',
    sum(case when o.customer_id is not null and c.customer_id is null then 1 else 0 end), count(o.customer_id)
from orders as o left join customers as c on c.customer_id = o.customer_id
union all
select 'order_before_customer', 'orders', 'ordered_at',
    sum(case when cast(o.ordered_at as date) < c.created_at then 1 else 0 end), count(*)
from orders as o join customers as c on c.customer_id = o.customer_id
where c.created_at is not null
union all
select 'refund_order', 'orders', 'amount', sum(case when amount < 0 then 1 else 0 end), count(amount) from orders
union all
select 'zero_order', 'orders', 'amount', sum(case when amount = 0 then 1 else 0 end), count(amount) from orders
union all
select 'refund_line', 'order_lines', 'amount', sum(case when amount < 0 or quantity < 0 then 1 else 0 end), count(*) from order_lines
union all
select 'zero_quantity', 'order_lines', 'quantity', sum(case when quantity = 0 then 1 else 0 end), count(quantity) from order_lines
union all
select 'extreme_amount', 'orders', 'amount',
    sum(case when o.amount > q.high + 20 * (q.high - q.middle) and q.high > q.middle then 1 else 0 end), count(o.amount)
from orders as o
cross join (
    select percentile_cont(0.5) within group (order by cast(amount as double)) as middle,
        percentile_cont(0.95) within group (order by cast(amount as double)) as high
    from orders where amount > 0
) as q
union all
select 'paid_before_ordered', 'orders', 'paid_at',
    sum(case when paid_at < cast(ordered_at as date) then 1 else 0 end), count(paid_at)
from orders
union all
select 'ticket_response_before_opened', 'tickets', 'first_response_at',
    sum(case when first_response_at < opened_at then 1 else 0 end), count(first_response_at)
from tickets
union all
select 'ticket_closed_before_opened', 'tickets', 'resolved_at',
    sum(case when resolved_at < opened_at then 1 else 0 end), count(resolved_at)
from tickets
union all
select 'ticket_of_unknown_customer', 'tickets', 'customer_id',
    sum(case when t.customer_id is not null and c.customer_id is null then 1 else 0 end), count(t.customer_id)
from tickets as t left join customers as c on c.customer_id = t.customer_id
union all
select 'contact_of_unknown_customer', 'interactions', 'customer_id',
    sum(case when c.customer_id is null then 1 else 0 end), count(*)
from interactions as i left join customers as c on c.customer_id = i.customer_id
union all
select 'feedback_of_unknown_customer', 'feedback', 'customer_id',
    sum(case when f.customer_id is not null and c.customer_id is null then 1 else 0 end), count(f.customer_id)
from feedback as f left join customers as c on c.customer_id = f.customer_id
union all
select 'score_outside_scale', 'feedback', 'score',
    sum(case when score < 0 or score > coalesce(scale_max, case when instrument = 'nps' then 10 end) then 1 else 0 end), count(score)
from feedback
union all
select 'consent_of_unknown_customer', 'consents', 'customer_id',
    sum(case when c.customer_id is null then 1 else 0 end), count(*)
from consents as x left join customers as c on c.customer_id = x.customer_id
union all
select 'contract_ends_before_start', 'contracts', 'ends_at',
    sum(case when ends_at < starts_at then 1 else 0 end), count(ends_at)
from contracts
union all
select 'record_updated_before_created', 'customers', 'updated_at',
    sum(case when updated_at < created_at then 1 else 0 end), count(case when created_at is not null then updated_at end)
from customers
union all
select 'record_after_period', 'customers', 'created_at',
    sum(case when created_at > $end then 1 else 0 end), count(created_at)
from customers
union all
select 'impossible_birthday', 'customers', 'birthday',
    sum(case when birthday > $end or date_diff('year', birthday, cast($end as date)) > 110 then 1 else 0 end), count(birthday)
from customers
union all
select 'shared_contact', 'customers', 'customer_id', (select count(*) from doubles),
    (select count(*) from (select customer_id from people group by customer_id) as reachable)
