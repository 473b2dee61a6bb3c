-- Checks across the canonical tables (method.md, D3): which rows contradict others, of those that could.
--
-- Each check begins with a line "-- check <name> <table>.<column>" and gives the rows that it can judge: _file and _row of
-- the client's own row, and whether it fails. What several checks lean on stands first, as "-- view <name>".
-- Parameter: $end, the last day of the period. The tolerance of an amount is 0.01.

-- view line_sums
select order_id, sum(amount) as amount from order_lines group by order_id

-- view people
select customer_id, phone as contact from customers where phone is not null
union all
select customer_id, email from customers where email is not null
union all
select customer_id, union_id from customers where union_id is not null

-- view doubles
-- one phone of more than five records is a switchboard and not one person
select p.customer_id from people as p
join (select contact from people group by contact having count(*) between 2 and 5) as s on s.contact = p.contact
group by p.customer_id

-- view usual_order
select percentile_cont(0.5) within group (order by cast(amount as double)) as middle,
    percentile_cont(0.95) within group (order by cast(amount as double)) as high
from orders where amount > 0

-- view usual_line
select percentile_cont(0.5) within group (order by abs(quantity)) as middle,
    percentile_cont(0.95) within group (order by abs(quantity)) as high
from order_lines where quantity <> 0

-- check order_amount_differs orders.amount
select o._file, o._row, abs(o.amount - l.amount) > 0.01 as failing
from orders as o join line_sums as l on l.order_id = o.order_id
where o.amount is not null and l.amount is not null

-- check order_without_lines orders.order_id
select o._file, o._row, l.order_id is null as failing
from orders as o left join line_sums as l on l.order_id = o.order_id

-- check lines_without_order order_lines.order_id
select l._file, l._row, o.order_id is null as failing
from order_lines as l left join orders as o on o.order_id = l.order_id

-- check line_without_product order_lines.product_id
select l._file, l._row, p.product_id is null as failing
from order_lines as l left join products as p on p.product_id = l.product_id
where l.product_id is not null

-- check product_without_line products.product_id
select p._file, p._row, l.product_id is null as failing
from products as p
left join (select product_id from order_lines where product_id is not null group by product_id) as l
    on l.product_id = p.product_id

-- check order_without_customer orders.customer_id
select _file, _row, customer_id is null as failing from orders

-- check order_of_unknown_customer orders.customer_id
select o._file, o._row, c.customer_id is null as failing
from orders as o left join customers as c on c.customer_id = o.customer_id
where o.customer_id is not null

-- check customer_without_order customers.customer_id
select c._file, c._row, o.customer_id is null as failing
from customers as c
left join (select customer_id from orders where customer_id is not null group by customer_id) as o
    on o.customer_id = c.customer_id

-- check order_before_customer orders.ordered_at
select o._file, o._row, cast(o.ordered_at as date) < c.created_at as failing
from orders as o join customers as c on c.customer_id = o.customer_id
where c.created_at is not null

-- check refund_order orders.amount
select _file, _row, amount < 0 as failing from orders where amount is not null

-- check zero_order orders.amount
select _file, _row, amount = 0 as failing from orders where amount is not null

-- check refund_line order_lines.amount
select _file, _row, coalesce(amount < 0, false) or coalesce(quantity < 0, false) as failing from order_lines

-- check zero_quantity order_lines.quantity
select _file, _row, quantity = 0 as failing from order_lines where quantity is not null

-- check extreme_amount orders.amount
select o._file, o._row, o.amount > q.high + 20 * (q.high - q.middle) and q.high > q.middle as failing
from orders as o cross join usual_order as q where o.amount is not null

-- check extreme_quantity order_lines.quantity
select l._file, l._row, abs(l.quantity) > q.high + 20 * (q.high - q.middle) and q.high > q.middle as failing
from order_lines as l cross join usual_line as q where l.quantity is not null

-- check paid_before_ordered orders.paid_at
select _file, _row, paid_at < cast(ordered_at as date) as failing from orders where paid_at is not null

-- check ticket_response_before_opened tickets.first_response_at
select _file, _row, first_response_at < opened_at as failing from tickets where first_response_at is not null

-- check ticket_closed_before_opened tickets.resolved_at
select _file, _row, resolved_at < opened_at as failing from tickets where resolved_at is not null

-- check ticket_of_unknown_customer tickets.customer_id
select t._file, t._row, c.customer_id is null as failing
from tickets as t left join customers as c on c.customer_id = t.customer_id
where t.customer_id is not null

-- check event_of_unknown_ticket ticket_events.ticket_id
select e._file, e._row, t.ticket_id is null as failing
from ticket_events as e left join tickets as t on t.ticket_id = e.ticket_id

-- check contact_of_unknown_customer interactions.customer_id
select i._file, i._row, c.customer_id is null as failing
from interactions as i left join customers as c on c.customer_id = i.customer_id

-- check feedback_of_unknown_customer feedback.customer_id
select f._file, f._row, c.customer_id is null as failing
from feedback as f left join customers as c on c.customer_id = f.customer_id
where f.customer_id is not null

-- check feedback_of_unknown_order feedback.order_id
select f._file, f._row, o.order_id is null as failing
from feedback as f left join orders as o on o.order_id = f.order_id
where f.order_id is not null

-- check feedback_of_unknown_ticket feedback.ticket_id
select f._file, f._row, t.ticket_id is null as failing
from feedback as f left join tickets as t on t.ticket_id = f.ticket_id
where f.ticket_id is not null

-- check score_outside_scale feedback.score
select _file, _row,
    coalesce(score < 0 or score > coalesce(scale_max, case when instrument = 'nps' then 10 end), false) as failing
from feedback where score is not null

-- check consent_of_unknown_customer consents.customer_id
select x._file, x._row, c.customer_id is null as failing
from consents as x left join customers as c on c.customer_id = x.customer_id

-- check consent_without_date consents.granted_at
select _file, _row, granted_at is null and coalesce(granted, true) as failing from consents

-- check contract_of_unknown_customer contracts.customer_id
select x._file, x._row, c.customer_id is null as failing
from contracts as x left join customers as c on c.customer_id = x.customer_id

-- check need_of_unknown_customer needs.customer_id
select x._file, x._row, c.customer_id is null as failing
from needs as x left join customers as c on c.customer_id = x.customer_id

-- check risk_of_unknown_customer risk.customer_id
select x._file, x._row, c.customer_id is null as failing
from risk as x left join customers as c on c.customer_id = x.customer_id

-- check campaign_contact_of_unknown_customer campaign_contacts.customer_id
select x._file, x._row, c.customer_id is null as failing
from campaign_contacts as x left join customers as c on c.customer_id = x.customer_id

-- check contract_ends_before_start contracts.ends_at
select _file, _row, coalesce(ends_at < starts_at, false) as failing from contracts where ends_at is not null

-- check record_updated_before_created customers.updated_at
select _file, _row, updated_at < created_at as failing
from customers where created_at is not null and updated_at is not null

-- check record_after_period customers.created_at
select _file, _row, created_at > $end as failing from customers where created_at is not null

-- check impossible_birthday customers.birthday
select _file, _row, birthday > $end or date_diff('year', birthday, cast($end as date)) > 110 as failing
from customers where birthday is not null

-- check shared_contact customers.customer_id
select c._file, c._row, d.customer_id is not null as failing
from customers as c
join (select customer_id from people group by customer_id) as reachable on reachable.customer_id = c.customer_id
left join doubles as d on d.customer_id = c.customer_id
