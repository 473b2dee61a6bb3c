-- # A contract that ends soon and whose customer nobody has spoken to: the easiest loss to prevent.
-- module: interaction
-- measure: {en: Contracts ending within 60 days without contact in the last 60, zh: 60 天内到期且近 60 天无互动的合同}
-- problem: {en: Contracts run out and nobody speaks to the customer, zh: 合同将到期而无人联系客户}
-- cause: {en: Nobody is told when a contract nears its end., zh: 合同临近到期时无人收到提醒。}
-- needs: [contracts.ends_at, interactions]
-- limit: 0.2
-- effort: small
select c.customer_id, c.contract_id, c.starts_at as happened_at,
       coalesce(max(cast(i.happened_at as date)) < cast($end as date) - 60, true) as hit
from contracts c
left join interactions i on i.customer_id = c.customer_id
where c.ends_at > cast($end as date) and c.ends_at <= cast($end as date) + 60
group by c.customer_id, c.contract_id, c.starts_at
