-- Refunds and the purchases that they undo (method.md, D2).
--
-- traded gives lines or orders: id, customer_id, article, traded_at, quantity, amount (below zero: taken back).
-- In the order of time a purchase opens and a refund closes, as brackets do: a refund at which more would be closed than was
-- opened has no purchase before it. That pairs as many as can be paired, without trying.
with
traded as (/* traded */),
articles as (
    select customer_id, article from traded where amount < 0 and customer_id is not null group by customer_id, article
),
concerned as (
    select t.* from traded as t
    join articles as a on a.customer_id = t.customer_id and a.article = t.article
),
exact as (
    select *,
        sum(case when amount < 0 then -1 else 1 end) over (
            partition by customer_id, article, abs(quantity), abs(amount)
            order by traded_at, case when amount < 0 then 1 else 0 end, id rows unbounded preceding
        ) as balance
    from concerned
),
lowest as (
    select *,
        least(coalesce(min(balance) over (
            partition by customer_id, article, abs(quantity), abs(amount)
            order by traded_at, case when amount < 0 then 1 else 0 end, id rows between unbounded preceding and 1 preceding
        ), 0), 0) as before
    from exact
),
running as (
    select *,
        sum(case when amount < 0 then 0 else abs(quantity) end) over ordered as bought,
        sum(case when amount < 0 then abs(quantity) else 0 end) over ordered as returned
    from lowest
    window ordered as (
        partition by customer_id, article
        order by traded_at, case when amount < 0 then 1 else 0 end, id rows unbounded preceding
    )
),
judged as (
    select
        case when balance >= before then 'paired' when bought >= returned then 'part' else 'without_purchase' end as pairing,
        amount
    from running
    where amount < 0
    union all
    select 'without_customer', amount from traded where amount < 0 and customer_id is null
)
select pairing, count(*) as rows, -cast(sum(cast(amount as decimal(18, 4))) as double) as amount
from judged
group by pairing
order by pairing
