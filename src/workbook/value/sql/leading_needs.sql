-- The need that each customer named most often in the window, the newer one where two were named alike.
with noted as (
    select
        customer_id,
        lower(trim(need)) as need_key,
        trim(need) as need,
        noted_at
    from needs
    where customer_id is not null and trim(need) <> ''
        and coalesce(noted_at, $end) >= $window_start and coalesce(noted_at, $end) <= $end
),
counted as (
    select customer_id, need_key, min(need) as need, count(*) as times, max(noted_at) as newest
    from noted
    group by customer_id, need_key
),
placed as (
    select
        customer_id, need_key, need,
        row_number() over (partition by customer_id order by times desc, newest desc nulls last, need_key) as place
    from counted
)
select customer_id, need_key, need
from placed
where place = 1
order by customer_id
