-- The 360° profile: one row a customer, all that later stages ask of it (method.md, D6).
--
-- Parameters: $start, $end  first and last day of the period
--             $window_start first day of the trailing window that ends with the period
--             $previous_start first day of the previous period of equal length
--             $has_orders, $has_lines, $has_categories, $has_cost, $has_interactions, $has_tickets, $has_responses,
--             $has_feedback, $has_needs
--                           whether the client delivered them: what was not delivered stays null and is never a zero
--             $complaint_topics, $purposes
-- Table:      late_answers  customer_id, late_responses: made by service_hours.py, which knows hours, holidays and limits of service
--
-- Big tables are grouped by order, day or category before they are grouped by customer: that needs no count(distinct).
-- An order below zero is a refund: it lowers the revenue and is no purchase.
with
line_orders as (
    -- lines first become one row an order: what was refunded, sold with a known cost, and that cost
    select
        order_id,
        sum(case when amount < 0 or refund_of is not null then abs(amount) else 0 end) as refunded,
        sum(case when amount > 0 and refund_of is null then amount else 0 end) as sold,
        sum(case when cost is not null then amount end) as costed,
        sum(case when amount is not null then cost end) as cost,
        sum(case when discount is not null and amount >= 0 then amount + discount end) as listed,
        sum(case when amount >= 0 then discount end) as discounted
    from order_lines
    group by order_id
),
dated_orders as (
    select
        o.customer_id,
        cast(o.ordered_at as date) as ordered_on,
        coalesce(o.amount, 0) as amount,
        case when coalesce(o.amount, 0) < 0 then 0 else 1 end as purchase,
        case when cast(o.ordered_at as date) >= $window_start then 1 else 0 end as in_window,
        case when cast(o.ordered_at as date) >= $start then 1 else 0 end as in_period,
        case when cast(o.ordered_at as date) >= $previous_start and cast(o.ordered_at as date) < $start then 1 else 0 end
            as in_previous,
        case when $has_lines then coalesce(l.refunded, 0) when o.amount < 0 then -o.amount else 0 end as refunded,
        case when $has_lines then coalesce(l.sold, 0) when o.amount > 0 then o.amount else 0 end as sold,
        l.costed,
        l.cost,
        l.listed,
        l.discounted
    from orders as o
    left join line_orders as l on l.order_id = o.order_id
    where o.customer_id is not null
),
buying as (
    select
        customer_id,
        min(case when purchase = 1 then ordered_on end) as first_order_at,
        max(case when purchase = 1 then ordered_on end) as last_order_at,
        sum(purchase) as orders_all,
        sum(amount) as revenue_all,
        sum(purchase * in_window) as orders,
        sum(case when in_window = 1 then amount else 0 end) as revenue,
        sum(purchase * in_period) as orders_period,
        sum(case when in_period = 1 then amount else 0 end) as revenue_period,
        sum(purchase * in_previous) as orders_previous,
        sum(case when in_previous = 1 then amount else 0 end) as revenue_previous,
        sum(case when in_window = 1 then refunded else 0 end) as refunded,
        sum(case when in_window = 1 then sold else 0 end) as sold,
        sum(case when in_window = 1 then costed end) as costed,
        sum(case when in_window = 1 then cost end) as cost,
        sum(case when in_window = 1 then listed end) as listed,
        sum(case when in_window = 1 then discounted end) as discounted
    from dated_orders
    group by customer_id
),
order_days as (
    select customer_id, ordered_on
    from dated_orders
    where purchase = 1
    group by customer_id, ordered_on
),
rhythm as (
    select
        customer_id,
        date_diff('day', min(ordered_on), max(ordered_on)) * 1.0 / nullif(count(*) - 1, 0) as interval_days
    from order_days
    group by customer_id
),
bought_categories as (
    select o.customer_id, coalesce(l.category, p.category) as category
    from order_lines as l
    join orders as o on o.order_id = l.order_id
    left join products as p on p.product_id = l.product_id
    where cast(o.ordered_at as date) >= $window_start and o.customer_id is not null and coalesce(l.amount, 0) >= 0
    group by o.customer_id, coalesce(l.category, p.category)
),
breadth as (
    select customer_id, count(category) as categories
    from bought_categories
    group by customer_id
),
contact as (
    select
        customer_id,
        cast(max(happened_at) as date) as last_contact_at,
        sum(case when cast(happened_at as date) >= $window_start then 1 else 0 end) as contacts,
        sum(case when cast(happened_at as date) >= $start then 1 else 0 end) as contacts_period
    from interactions
    where customer_id is not null
    group by customer_id
),
timed_tickets as (
    select
        t.customer_id,
        case when t.topic in (select unnest($complaint_topics)) then 1 else 0 end as complaint,
        case when t.resolved_at >= t.opened_at then date_diff('second', t.opened_at, t.resolved_at) end as taken
    from tickets as t
    where t.customer_id is not null and cast(t.opened_at as date) >= $window_start
),
service as (
    select
        customer_id,
        count(*) as tickets,
        sum(complaint) as complaints,
        sum(taken) / 3600.0 / nullif(count(taken), 0) as resolution_hours
    from timed_tickets
    group by customer_id
),
voice as (
    select
        customer_id,
        count(*) as feedbacks,
        sum(case when instrument in ('csat', 'ces') and score between 0 and scale_max
            then cast(score / nullif(scale_max, 0) as decimal(18, 6)) end)
            / nullif(count(case when instrument in ('csat', 'ces') and score between 0 and scale_max
                then score / nullif(scale_max, 0) end), 0) as satisfaction
    from feedback
    where customer_id is not null and cast(given_at as date) >= $window_start
    group by customer_id
),
recommending as (
    select
        customer_id,
        score as nps,
        row_number() over (partition by customer_id order by given_at desc, feedback_id desc) as newest
    from feedback
    where instrument = 'nps' and score between 0 and 10 and coalesce(scale_max, 10) = 10 and customer_id is not null
),
wishes as (
    select customer_id, sum(case when coalesce(noted_at, $end) >= $window_start then 1 else 0 end) as needs
    from needs
    group by customer_id
),
contracted as (
    select
        customer_id,
        sum(case when (ends_at is null or ends_at >= $end) and not coalesce(ended, false) then value else 0 end)
            as contract_value,
        min(starts_at) as first_contract_at,
        max(ends_at) as contract_ends_at
    from contracts
    group by customer_id
),
standing as (
    -- what a customer decided last about a purpose and channel is what holds
    select
        customer_id,
        purpose,
        coalesce(channel, '') as channel,
        coalesce(granted, true) as granted,
        withdrawn_at,
        expires_at,
        row_number() over (
            partition by customer_id, purpose, channel
            order by greatest(granted_at, case when withdrawn_at <= $end then withdrawn_at end) desc,
                granted, withdrawn_at desc nulls last, expires_at
        ) as newest
    from consents
    where purpose in (select unnest($purposes)) and (granted_at <= $end or (granted_at is null and withdrawn_at <= $end))
),
refusing as (
    -- a refusal holds even where nobody wrote down its day
    select customer_id, purpose, coalesce(channel, '') as channel
    from consents
    where granted = false and granted_at is null
    group by customer_id, purpose, coalesce(channel, '')
),
allowing as (
    select s.customer_id
    from standing as s
    left join refusing as r on r.customer_id = s.customer_id and r.purpose = s.purpose and r.channel = s.channel
    where s.newest = 1 and s.granted and r.customer_id is null and s.customer_id not in (select unnest($closed))
        and (s.withdrawn_at is null or s.withdrawn_at > $end) and (s.expires_at is null or s.expires_at >= $end)
    group by s.customer_id
),
everyone as (
    select customer_id from customers
    union
    select customer_id from orders where customer_id is not null
)
select
    e.customer_id,
    c.kind, c.status, c.region, c.industry, c.size, c.channel, c.owner, c.tier, c.created_at,
    case when coalesce(c.created_at, b.first_order_at, k.first_contract_at) is not null  -- least passes over what is unknown
        then date_diff('day', least(coalesce(c.created_at, b.first_order_at, k.first_contract_at), $end), $end) end
        as tenure_days,
    b.first_order_at,
    b.last_order_at,
    date_diff('day', b.last_order_at, $end) as recency_days,
    case when $has_orders then coalesce(b.orders, 0) end as orders,
    cast(case when $has_amounts then coalesce(b.revenue, 0) end as double) as revenue,
    cast(case when $has_amounts then b.revenue end as double) / nullif(b.orders, 0) as average_order,
    case when $has_orders then coalesce(b.orders_all, 0) end as orders_all,
    cast(case when $has_amounts then coalesce(b.revenue_all, 0) end as double) as revenue_all,
    case when $has_orders then coalesce(b.orders_period, 0) end as orders_period,
    cast(case when $has_amounts then coalesce(b.revenue_period, 0) end as double) as revenue_period,
    case when $has_orders then coalesce(b.orders_previous, 0) end as orders_previous,
    cast(case when $has_amounts then coalesce(b.revenue_previous, 0) end as double) as revenue_previous,
    case when $has_categories then coalesce(g.categories, 0) end as categories,
    cast(b.refunded as double) / nullif(b.sold, 0) as refund_share,
    cast(b.discounted as double) / nullif(b.listed, 0) as discount_share,
    case when $has_cost then cast(b.costed - b.cost as double) / nullif(b.costed, 0) end as margin,
    cast(r.interval_days as double) as interval_days,
    i.last_contact_at,
    date_diff('day', i.last_contact_at, $end) as contact_recency_days,
    case when $has_interactions then coalesce(i.contacts, 0) end as contacts,
    case when $has_interactions then coalesce(i.contacts_period, 0) end as contacts_period,
    case when $has_tickets then coalesce(s.tickets, 0) end as tickets,
    case when $has_tickets then coalesce(s.complaints, 0) end as complaints,
    case when $has_responses then coalesce(late.late_responses, 0) end as late_responses,
    cast(s.resolution_hours as double) as resolution_hours,
    cast(v.satisfaction as double) as satisfaction,
    n.nps,
    case when $has_feedback then coalesce(v.feedbacks, 0) end as feedbacks,
    case when $has_needs then coalesce(w.needs, 0) end as needs,
    cast(k.contract_value as double) as contract_value,
    k.contract_ends_at,
    x.overdue_days,
    x.disputes,
    x.credit_rating,
    a.customer_id is not null as marketing_consent,
    case when $has_contacts then coalesce(regexp_matches(c.phone, '^[+]?[0-9]{7,15}$'), false)
        or coalesce(regexp_matches(c.email, '^[^@ ]+@[^@ ]+[.][^@ ]+$'), false) end as reachable,
    date_diff('day', c.updated_at, $end) as age_days_record
from everyone as e
left join customers as c on c.customer_id = e.customer_id
left join buying as b on b.customer_id = e.customer_id
left join rhythm as r on r.customer_id = e.customer_id
left join breadth as g on g.customer_id = e.customer_id
left join contact as i on i.customer_id = e.customer_id
left join service as s on s.customer_id = e.customer_id
left join late_answers as late on late.customer_id = e.customer_id
left join voice as v on v.customer_id = e.customer_id
left join recommending as n on n.customer_id = e.customer_id and n.newest = 1
left join wishes as w on w.customer_id = e.customer_id
left join contracted as k on k.customer_id = e.customer_id
left join risk as x on x.customer_id = e.customer_id
left join allowing as a on a.customer_id = e.customer_id
order by e.customer_id
