"""The settings that go with an invented client: which file is which table, its goals, its grading, its pilots.

Source: rows C3, G1, T1–T4 of method.md.
"""

from __future__ import annotations

import datetime as dt

from workbook.period import Period
from workbook.synthetic.pilot import Trial, trials
from workbook.synthetic.plan import Plan

_HEAD = """\
# {name}: an invented client. Made by `workbook synth {name} --customers {customers} --periods {periods} --seed {seed}`.
# {name}：虚构客户，由上面的命令生成；真值见 data/synthetic/{name}/truth.json。
client:
  name: {{en: "Mohe Coffee (invented)", zh: "墨禾咖啡（虚构）"}}
  country: CN
  synthetic: true
languages: [zh, en]   # the leading language first / 第一个为主要语言
currency: CNY
seed: {seed}

goals:
  - id: repurchase
    name: {{en: "Raise the repeat-purchase rate", zh: "提高复购率"}}
    kpi: repurchase_rate
    change: 0.03          # three percentage points / 3 个百分点
    due: {due}
    owner: {{en: "Head of marketing", zh: "市场总监"}}
  - id: response
    name: {{en: "Answer in time", zh: "缩短响应时间"}}
    kpi: late_share
    target: 0.05
    due: {due}
    owner: {{en: "Head of service", zh: "客服总监"}}
  - id: satisfaction
    name: {{en: "More promoters", zh: "提升净推荐值"}}
    kpi: nps
    change: {nps_change}
    due: {due}
    owner: {{en: "Head of customer relations", zh: "客户关系总监"}}
"""

_SOURCES = """
# Each file and the table that it becomes. columns: canonical name: the file's own name.
# 每个文件对应的标准表；columns 左边是标准列名，右边是文件中的列名。
sources:
  - table: customers
    file: crm_客户.csv
    system: CRM
    encoding: gbk
    columns:
      customer_id: 客户编号
      name: 客户名称
      kind: 客户类型
      status: 状态
      created_at: 建档日期
      updated_at: 更新日期
      region: 所在地区
      industry: 行业
      size: 规模
      channel: 来源渠道
      phone: 手机号
      email: 邮箱
      birthday: 生日
      tier: 客户等级
      owner: 客户经理
    values:
      kind: {个人: person, 企业: company}
      status: &states {活跃: active, 沉睡: dormant, 流失: lost, 潜在: prospect}
      tier: &tiers {钻石: diamond, 黄金: gold, 白银: silver, 普通: ordinary}
  - table: customers      # members of the shop; some of them stand in the CRM as well / 部分会员与 CRM 重复
    file: shop_members.csv
    system: shop
    columns:
      customer_id: 会员号
      name: 昵称
      status: 会员状态
      created_at: 注册日期
      updated_at: 最近修改
      region: 城市
      industry: 职业
      channel: 注册渠道
      phone: 手机
      email: 电子邮件
      tier: 会员等级
    constants: {kind: person}
    dates: "%Y/%m/%d"
    values:
      region: {上海市: 上海, 北京市: 北京, 广州市: 广州, 深圳市: 深圳, 杭州市: 杭州, 成都市: 成都, 南京市: 南京, 武汉市: 武汉, 西安市: 西安, 青岛市: 青岛}
      status: *states
      tier: *tiers
  - table: orders         # one file a month, only new orders in each delivery / 按月分文件，每次只交新订单
    file: orders_*.csv
    system: shop
    columns:
      order_id: 订单号
      customer_id: 会员号
      ordered_at: 下单时间
      amount: 应付金额
      status: 订单状态
      channel: 下单渠道
      store: 门店
      due_at: 应付日期
      paid_at: 付款日期
    dates: {ordered_at: "%Y/%m/%d %H:%M", due_at: "%Y-%m-%d", paid_at: "%Y-%m-%d"}
    values:
      status: {已完成: completed, 已取消: cancelled, 待付款: unpaid}
      channel: {小程序: app, 网店: online, 门店: store, 电话: phone}
    only: {status: [completed]}
    accumulate: true
  - table: order_lines
    file: lines.csv
    system: shop
    columns: {order_id: 订单号, line_id: 行号, product_id: 商品编码, quantity: 数量, amount: 金额, cost: 成本, discount: 优惠, refund_of: 退货原行}
    accumulate: true
  - table: products
    file: products.csv
    system: shop
    columns: {product_id: 商品编码, name: 商品名称, category: 类目, price: 标价}
  - table: contracts
    file: 合同台账.csv
    system: finance
    columns: {contract_id: 合同编号, customer_id: 客户编号, starts_at: 开始日期, ends_at: 结束日期, renewed: 是否续约, value: 合同金额（万元）}
    dates: "%Y年%m月%d日"
    amounts_in: ten_thousand
  - table: interactions
    file: 跟进记录.csv
    system: CRM
    columns:
      interaction_id: 记录号
      customer_id: 客户编号
      happened_at: 跟进时间
      channel: 方式
      kind: 类型
      direction: 方向
      employee: 跟进人
      outcome: 结果
      next_due: 下次跟进
    dates: {happened_at: "%Y-%m-%d %H:%M", next_due: "%Y-%m-%d"}
    values:
      channel: {电话: phone, 微信: wechat, 上门: visit, 邮件: email}
      direction: {呼出: outbound, 呼入: inbound}
    accumulate: true
  - table: tickets
    file: 客服工单*.xlsx
    system: service desk
    sheet: 工单
    columns:
      ticket_id: 工单号
      customer_id: 客户编号
      opened_at: 创建时间
      first_response_at: 首次响应时间
      resolved_at: 解决时间
      called_back_at: 回访时间
      channel: 渠道
      topic: 问题类型
      priority: 优先级
      status: 状态
      reopened: 重开次数
      text: 问题描述
    values:
      channel: &channels {电话: phone, 微信: wechat, 邮件: email, 网页: web}
      priority: {高: high, 中: medium, 低: low}
      status: {已关闭: closed, 处理中: open}
    accumulate: true
  - table: feedback
    file: survey_answers.csv
    system: survey
    columns:
      feedback_id: 答卷编号
      customer_id: 客户编号
      given_at: 提交时间
      instrument: 问卷类型
      channel: 渠道
      score: 得分
      scale_max: 满分
      text: 评语
      language: 语言
      ticket_id: 工单号
    dates: "%Y-%m-%dT%H:%M:%S"
    values:
      instrument: {满意度: csat, NPS: nps, 费力度: ces, 访谈: open}
      channel: {电话: phone, 微信: wechat, 邮件: email, 网页: web, 访谈: interview}
    accumulate: true
  - table: feedback
    file: shop_reviews.csv
    system: shop
    columns: {feedback_id: 评价编号, customer_id: 会员号, given_at: 评价时间, score: 星级, text: 内容, language: 语言, order_id: 订单号}
    constants: {instrument: review, scale_max: "5", channel: online}
    dates: "%Y/%m/%d %H:%M"
    accumulate: true
  - table: needs
    file: 需求登记.csv
    system: CRM
    columns: {customer_id: 客户编号, noted_at: 登记日期, need: 需求, level: 层次, source: 来源, product_recommended: 推荐商品}
    values:
      level: {根因: root cause, 表层: surface}
    accumulate: true
  - table: consents
    file: consents.csv
    system: CRM
    columns: {customer_id: 客户编号, purpose: 用途, channel: 渠道, granted_at: 授权日期, withdrawn_at: 撤回日期}
    constants: {basis: consent}
    values:
      purpose: {营销: marketing, 满意度调研: research}
      channel: {微信: wechat, 短信: sms, 邮件: email}
  - table: risk           # a third party's reports, with the date of each / 第三方征信，注明查询日期
    file: credit_check.csv
    system: credit agency
    columns: {customer_id: 客户编号, credit_rating: 信用评级, disputes: 纠纷次数, overdue_days: 逾期天数, noted_at: 查询日期}
    constants: {source: credit agency}
  - table: status_history
    file: 状态变更.csv
    system: shop
    columns: {customer_id: 客户编号, changed_at: 变更日期, old: 原状态, new: 新状态}
    constants: {field: status}
    dates: "%Y.%m.%d"
    values:
      old: *states
      new: *states
    accumulate: true
  - table: leads
    file: leads.csv
    system: CRM
    columns: {lead_id: 线索号, customer_id: 客户编号, created_at: 创建日期, source: 来源, stage: 阶段, stage_at: 阶段日期}
    values:
      stage: {新线索: new, 已联系: contacted, 有意向: qualified, 已放弃: lost, 成交: won}
  - table: assignments
    file: pilot_assignment.csv
    system: pilots
    columns: {pilot: 试点, unit_id: 客户编号, arm: 组别, stratum: 分层, assigned_at: 分组日期}
    values:
      arm: {对照组: control, 试验组: treatment}
      stratum: *tiers
  - table: outcomes
    file: pilot_outcomes.csv
    system: pilots
    columns: {pilot: 试点, unit_id: 客户编号, metric: 指标, value: 结果, pre_value: 试点前, measured_at: 测量日期}
"""

_METHOD = """
service:                  # hours, by priority of the ticket / 按优先级，单位小时
  first_response_hours: {high: 2, medium: 8, low: 24, default: 8}
  resolution_hours: {high: 24, medium: 72, low: 120, default: 72}
  callback_hours: 48
  late_share: 0.05
  complaint_topics: [投诉]

consent:
  purposes: [marketing]

tags:
  - id: active
    name: {en: "Highly active", zh: "高活跃度"}
    rule: orders_period >= 3
  - id: price_sensitive
    name: {en: "Price-sensitive", zh: "价格敏感型"}
    rule: orders >= 3 and average_order < 120
  - id: service_first
    name: {en: "Service first", zh: "服务需求优先"}
    rule: tickets >= 2
  - id: office
    name: {en: "Office supply", zh: "办公供应"}
    rule: kind = 'company' and orders >= 2

grading:
  groups:
    - {id: financial, name: {en: "Financial contribution", zh: "财务贡献"}}
    - {id: potential, name: {en: "Potential", zh: "发展潜力"}}
    - {id: risk, name: {en: "Risk", zh: "风险"}}
  # how many times the first weighs more than the second, by two experts / 两位专家的两两比较
  comparisons:
    - expert: Head of sales
      pairs: {financial/potential: 5/3, financial/risk: 5/2, potential/risk: 3/2}
    - expert: Head of risk
      pairs: {financial/potential: 2, financial/risk: 2, potential/risk: 1}
  indices:
    - {id: revenue, name: {en: "Annual revenue", zh: "年销售额"}, source: revenue, group: financial, weight: 60}
    - {id: frequency, name: {en: "Orders a year", zh: "年订单数"}, source: orders, group: financial, weight: 40}
    - {id: recent, name: {en: "Revenue of the last period", zh: "近期销售额"}, source: revenue_period, group: potential, weight: 60}
    - {id: breadth, name: {en: "Categories bought", zh: "购买品类数"}, source: categories, group: potential, weight: 40}
    - {id: recency, name: {en: "Days since the last order", zh: "距上次下单天数"}, source: recency_days, group: risk, direction: cost, missing: worst, weight: 70}
    - {id: overdue, name: {en: "Days overdue", zh: "逾期天数"}, source: overdue_days, group: risk, direction: cost, missing: exclude, weight: 30}
  tiers:
    - {id: diamond, name: {en: "Diamond", zh: "钻石"}, at_least: 90}
    - {id: gold, name: {en: "Gold", zh: "黄金"}, at_least: 80}
    - {id: silver, name: {en: "Silver", zh: "白银"}, at_least: 60}
    - {id: ordinary, name: {en: "Ordinary", zh: "普通"}, at_least: 0}
"""

_PILOTS = """
pilots:                   # written down before each began / 试点开始前即已确定
  - id: {first.id}
    name: {{en: "Welcome card in the parcel", zh: "包裹附送欢迎卡"}}
    measure: welcome_card
    arms: {{control: 0.5, treatment: 0.5}}
    starts: {first_starts}
    ends: {first_ends}
    groups: kind = 'person'
    metrics:
      - {{id: spend, name: {{en: "Spend within {first.window} days", zh: "{first.window} 天内消费额"}}, kind: mean, unit: money, margin: 20}}
      - {{id: repeat, name: {{en: "Bought again within {first.window} days", zh: "{first.window} 天内复购"}}, kind: proportion, unit: share, margin: 0.03}}
  - id: {second.id}
    name: {{en: "Monthly care plan", zh: "月度关怀计划"}}
    measure: care_plan
    arms: {{control: 0.5, treatment: 0.5}}
    starts: {second_starts}
    ends: {second_ends}
    groups: kind = 'person'
    metrics:
      - {{id: spend, name: {{en: "Spend within {second.window} days", zh: "{second.window} 天内消费额"}}, kind: mean, unit: money, margin: 20}}
      - {{id: repeat, name: {{en: "Bought again within {second.window} days", zh: "{second.window} 天内复购"}}, kind: proportion, unit: share, margin: 0.03}}

next_pilot:
  id: evening_desk
  name: {{en: "Evening desk on WeChat", zh: "微信晚间客服"}}
  groups: tickets >= 1
  purpose: marketing
  strata: [tier]

report:
  title: {{en: "Customer relationship review", zh: "客户关系管理诊断与优化报告"}}
  author: {{en: "Customer insight team", zh: "客户洞察小组"}}
"""

_PERIOD = """\
# What holds for {period} alone; everything else stands in engagement.yaml.
# 仅适用于 {period} 的参数，其余见 engagement.yaml。
review:
  market:
    en: "{en}"
    zh: "{zh}"
"""

_MARKETS = (
    ("A new chain opened in two of the client's cities; bean prices rose.", "两座城市新开连锁品牌，咖啡豆价格上涨。"),
    ("Summer promotions of the platforms pressed prices on line.", "平台夏季促销，线上价格承压。"),
    ("Offices returned to full occupancy; demand of companies rose.", "写字楼入驻率回升，企业需求增加。"),
    ("Year-end gifts carried sales; a rival raised its delivery charge.", "年末礼品带动销售，竞争对手上调运费。"),
)


def engagement_yaml(name: str, plan: Plan) -> str:
    """The text of ``params/<name>/engagement.yaml``."""
    first, second = trials(plan)
    due = plan.last.end + dt.timedelta(days=181)
    head = _HEAD.format(
        name=name, customers=plan.customers, periods=plan.periods, seed=plan.seed, due=due.isoformat(), nps_change=NPS_CHANGE
    )
    pilots = _PILOTS.format(
        first=first,
        second=second,
        first_starts=_date(plan, first.starts),
        first_ends=_ends(plan, first),
        second_starts=_date(plan, second.starts),
        second_ends=_ends(plan, second),
    )
    return head + _SOURCES + _METHOD + pilots


def period_yaml(period: Period) -> str:
    """The text of ``params/<name>/<period>.yaml``."""
    en, zh = _MARKETS[(period.first // period.months) % len(_MARKETS)]
    return _PERIOD.format(period=period.name, en=en, zh=zh)


NPS_CHANGE = 5
"""Target of the demo: points of the net promoter score, which runs from −100 to 100."""


def _date(plan: Plan, day: int) -> str:
    return (plan.opens + dt.timedelta(days=day)).isoformat()


def _ends(plan: Plan, trial: Trial) -> str:
    return _date(plan, trial.measured)
