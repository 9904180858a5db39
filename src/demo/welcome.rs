//! The text that the demo prints on standard output once it listens: addresses, and accounts to sign in with.

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
{members} 名团员，{organizations} 个团组织。地名和校名是真实的，人员、证件号码和电话号码都是虚构的。
{members} members and {organizations} organizations. Places and schools are real. All people and numbers are invented.

  接口 API                http://{address}/v1
  文档 documentation      http://{address}/docs/
  OpenAPI                 http://{address}/v1/openapi.json
  数据库 DATABASE_URL     {database}
                          (供 `zhuanjie jobs run` 使用 for `zhuanjie jobs run`)
  演示时间 demo clock     {clock} (Asia/Shanghai)
  密码 password           {PASSWORD}  (所有账号通用 for all accounts)
  演练 walkthrough        docs/walkthrough.md (用 curl 走完一个毕业季 one graduation season with curl)

登录需要身份证号和密码。返回结果列出此人的职务：用 office 指定一项，即以管理员身份办理；不指定，则以团员本人身份办理。
Sign in with an ID number and the password. The answer lists the person's offices. To act as an administrator, sign in
again and send one of them as `office`. Without it, the person acts as a member.

  curl -s http://{address}/v1/auth/sign-in -H 'content-type: application/json' \\
    -d '{{\"id_number\": \"…\", \"password\": \"{PASSWORD}\"}}'

可以登录的人员 people you can sign in as:
{people}
按 Ctrl-C 停止。 Press Ctrl-C to stop.
"
    )
}

/// The lines for one person.
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
        writeln!(f, "      {}：{}", part.zh, part.try_zh)?;
        writeln!(f, "      {}: {}", part.en, part.try_en)
    }
}
