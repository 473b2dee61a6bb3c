-- The profile as somebody would write it by hand for DuckDB, once, for one client: the frozen baseline of the bench.
-- It gives the same columns from the same tables, in DuckDB's own idioms (filter, count(distinct), arg_max), without the
-- parameters, guards and portability of workbook/sources/sql/profile.sql. Not to be made faster: ratios are held against it.
with
line_sums as (
    select order_id,
        sum(abs(amount)) filter (amount < 0 or refund_of is not null) as refunded,
        sum(amount) filter (amount > 0 and refund_of is null) as sold,
        sum(amount) filter (cost is not null) as costed, sum(cost) filter (amount is not null) as cost,
        sum(amount + discount) filter (amount >= 0) as listed, sum(discount) filter (amount >= 0) as discounted
    from order_lines group by order_id
),
joined as (
    select o.customer_id, o.ordered_at::date as d, coalesce(o.amount, 0) as amount, coalesce(o.amount, 0) >= 0 as bought,
        coalesce(l.refunded, 0) as refunded, coalesce(l.sold, 0) as sold, l.costed, l.cost, l.listed, l.discounted
    from orders o left join line_sums l using (order_id)
    where o.customer_id is not null
),
buying as (
    select customer_id,
        min(d) filter (bought) as first_order_at, max(d) filter (bought) as last_order_at,
        count(*) filter (bought) as orders_all, sum(amount) as revenue_all,
        count(*) filter (bought and d >= date '2025-01-01') as orders,
        coalesce(sum(amount) filter (d >= date '2025-01-01'), 0) as revenue,
        count(*) filter (bought and d >= date '2025-10-01') as orders_period,
        coalesce(sum(amount) filter (d >= date '2025-10-01'), 0) as revenue_period,
        count(*) filter (bought and d between date '2025-07-01' and date '2025-09-30') as orders_previous,
        coalesce(sum(amount) filter (d between date '2025-07-01' and date '2025-09-30'), 0) as revenue_previous,
        sum(refunded) filter (d >= date '2025-01-01') as refunded, sum(sold) filter (d >= date '2025-01-01') as sold,
        sum(costed) filter (d >= date '2025-01-01') as costed, sum(cost) filter (d >= date '2025-01-01') as cost,
        sum(listed) filter (d >= date '2025-01-01') as listed, sum(discounted) filter (d >= date '2025-01-01') as discounted,
        date_diff('day', min(d) filter (bought), max(d) filter (bought)) * 1.0
            / nullif(count(distinct d) filter (bought) - 1, 0) as interval_days
    from joined group by customer_id
),
breadth as (
    select o.customer_id, count(distinct coalesce(l.category, p.category)) as categories
    from order_lines l join orders o using (order_id) left join products p on p.product_id = l.product_id
    where o.ordered_at >= date '2025-01-01' and o.customer_id is not null and coalesce(l.amount, 0) >= 0
    group by o.customer_id
),
contact as (
    select customer_id, max(happened_at)::date as last_contact_at,
        count(*) filter (happened_at >= date '2025-01-01') as contacts,
        count(*) filter (happened_at >= date '2025-10-01') as contacts_period
    from interactions where customer_id is not null group by customer_id
),
service as (
    select customer_id, count(*) as tickets, count(*) filter (topic in ('complaint', '投诉')) as complaints,
        count(*) filter (date_diff('second', opened_at, coalesce(first_response_at, timestamp '2026-01-01')) > 3600 * case
            lower(priority) when 'high' then 2 when 'medium' then 8 when 'low' then 24 else 8 end) as late_responses,
        avg(date_diff('second', opened_at, resolved_at)) filter (resolved_at >= opened_at) / 3600 as resolution_hours
    from tickets where customer_id is not null and opened_at >= date '2025-01-01' group by customer_id
),
voice as (
    select customer_id, count(*) as feedbacks,
        avg((score / nullif(scale_max, 0))) filter (instrument in ('csat', 'ces')) as satisfaction
    from feedback where customer_id is not null and given_at >= date '2025-01-01' group by customer_id
),
recommending as (
    select customer_id, arg_max(score, (given_at, feedback_id)) as nps
    from feedback where instrument = 'nps' and score is not null and customer_id is not null group by customer_id
),
wishes as (
    select customer_id, count(*) filter (coalesce(noted_at, date '2025-12-31') >= date '2025-01-01') as needs
    from needs group by customer_id
),
contracted as (
    select customer_id, sum(value) filter (ends_at is null or ends_at >= date '2025-12-31') as contract_value,
        max(ends_at) as contract_ends_at
    from contracts group by customer_id
),
allowing as (
    select distinct customer_id from (
        select * from consents where purpose = 'marketing' and granted_at <= date '2025-12-31'
        qualify row_number() over (partition by customer_id, purpose, channel
            order by granted_at desc, withdrawn_at desc nulls last, expires_at) = 1)
    where coalesce(withdrawn_at > date '2025-12-31', true) and coalesce(expires_at >= date '2025-12-31', true)
),
everyone as (select customer_id from customers union select customer_id from orders where customer_id is not null)
select customer_id,
    c.kind, c.status, c.region, c.industry, c.size, c.channel, c.owner, c.tier, c.created_at,
    date_diff('day', least(coalesce(c.created_at, b.first_order_at), date '2025-12-31'), date '2025-12-31') as tenure_days,
    b.first_order_at, b.last_order_at, date_diff('day', b.last_order_at, date '2025-12-31') as recency_days,
    coalesce(b.orders, 0) as orders, coalesce(b.revenue, 0)::double as revenue,
    b.revenue::double / nullif(b.orders, 0) as average_order,
    coalesce(b.orders_all, 0) as orders_all, coalesce(b.revenue_all, 0)::double as revenue_all,
    coalesce(b.orders_period, 0) as orders_period, coalesce(b.revenue_period, 0)::double as revenue_period,
    coalesce(b.orders_previous, 0) as orders_previous, coalesce(b.revenue_previous, 0)::double as revenue_previous,
    coalesce(g.categories, 0) as categories,
    b.refunded::double / nullif(b.sold, 0) as refund_share, b.discounted::double / nullif(b.listed, 0) as discount_share,
    (b.costed - b.cost)::double / nullif(b.costed, 0) as margin, b.interval_days::double as interval_days,
    i.last_contact_at, date_diff('day', i.last_contact_at, date '2025-12-31') as contact_recency_days,
    i.contacts, i.contacts_period, s.tickets, s.complaints, s.late_responses, s.resolution_hours,
    v.satisfaction, n.nps, v.feedbacks, w.needs, k.contract_value::double as contract_value, k.contract_ends_at,
    x.overdue_days, x.disputes, x.credit_rating, a.customer_id is not null as marketing_consent,
    coalesce(regexp_matches(c.phone, '^[+]?[0-9]{7,15}$'), false)
        or coalesce(regexp_matches(c.email, '^[^@ ]+@[^@ ]+[.][^@ ]+$'), false) as reachable,
    date_diff('day', c.updated_at, date '2025-12-31') as age_days_record
from everyone
left join customers c using (customer_id)
left join buying b using (customer_id)
left join breadth g using (customer_id)
left join contact i using (customer_id)
left join service s using (customer_id)
left join voice v using (customer_id)
left join recommending n using (customer_id)
left join wishes w using (customer_id)
left join contracted k using (customer_id)
left join risk x using (customer_id)
left join allowing a using (customer_id)
order by customer_id
