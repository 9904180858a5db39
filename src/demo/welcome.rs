//! What the demo says on standard output once it is listening: where everything is and whom to try it as.

use super::country::{Country, PASSWORD};
use super::records::DemoSignIn;
use crate::db::DatabaseUrl;
use crate::domain::core::time::Timestamp;
use chrono::TimeDelta;
use std::fmt::{Display, Formatter, Result};
use std::net::SocketAddr;

/// The whole text, in Chinese and English.
pub fn text(country: &Country, address: SocketAddr, database: &DatabaseUrl, now: Timestamp) -> String {
    let people: String = country
        .sign_ins()
        .iter()
        .map(|sign_in| PersonLines(sign_in).to_string())
        .collect();
    let clock = (now + TimeDelta::hours(8)).format("%Y-%m-%d %H:%M");
    let (organizations, members) = (country.organization_count(), country.member_count());
    format!(
        "
转接 zhuanjie · 演示 demo
{members} 名团员、{organizations} 个团组织。地名与校名是真实的,人员、证件号码与电话全部是虚构的。
{members} members, {organizations} organizations. Places and schools are real; all people and numbers are invented.

  接口 API                http://{address}/v1
  文档 documentation      http://{address}/docs/
  OpenAPI                 http://{address}/v1/openapi.json
  数据库 DATABASE_URL     {database}
                          (`zhuanjie jobs run` 用它 goes by it)
  演示时间 demo clock     {clock} (Asia/Shanghai)
  密码 password           {PASSWORD}  (所有账号通用 the same for every account)
  演练 walkthrough        docs/walkthrough.md (一个毕业季 a whole season with curl)

登录只需身份证号与密码;回答里列出此人的职务,以 office 选其一即以管理员身份办事,不选则为团员本人。
Signing in takes an ID number and the password. The answer lists the person's offices: choose one by `office` to act
as its administrator, none to act as the member.

  curl -s http://{address}/v1/auth/sign-in -H 'content-type: application/json' \\
    -d '{{\"id_number\": \"…\", \"password\": \"{PASSWORD}\"}}'

可以试用的人员 people to try it as:
{people}
停止:Ctrl-C。 Ctrl-C stops it.
"
    )
}

/// A person's lines.
struct PersonLines<'a>(&'a DemoSignIn);

impl Display for PersonLines<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let DemoSignIn {
            part,
            name,
            id_number,
            organization_name,
            office,
            ..
        } = self.0;
        writeln!(f, "\n  {}  {name}  {organization_name}", id_number.as_str())?;
        if let Some(office) = office {
            writeln!(f, "      office  {office}")?;
        }
        writeln!(f, "      {}:{}", part.zh, part.try_zh)?;
        writeln!(f, "      {}: {}", part.en, part.try_en)
    }
}
