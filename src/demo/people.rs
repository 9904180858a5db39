//! Invented people: names, ID numbers that exist nowhere but are well formed, telephone numbers, and members.
//!
//! Every number is unique by construction, without a memory of earlier numbers: a person's ordinal is permuted into the
//! pairs of county and order code, and into the days of the month when all pairs are used.

use super::records::{Ascii, DevelopmentNumber, GeneratedIdNumber, MemberRecord, OrganizationRecord, Phone};
use crate::domain::core::ids::{MemberId, OrganizationId};
use crate::domain::core::time::{Month, Season, Timestamp, shanghai_date, shanghai_midnight};
use crate::domain::member::{Certification, RealName, Standing};
use crate::domain::organization::facts::Path;
use chrono::{Datelike, NaiveDate};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::io::Write;
use std::sync::Arc;

const SURNAMES: &[&str] = &[
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "郭", "何", "林", "罗",
    "高", "郑", "梁", "谢", "宋", "唐", "许", "韩", "冯", "邓", "曹", "彭", "曾", "肖", "田", "董", "袁", "潘", "于",
    "蒋", "蔡", "余", "杜", "叶", "程", "苏", "魏", "吕", "丁", "任", "沈", "姚", "卢", "姜", "崔", "钟", "谭", "陆",
    "汪", "范", "金", "石", "廖", "贾", "夏", "韦", "付", "方", "白", "邹", "孟", "熊", "秦", "邱", "江", "尹", "薛",
    "闫", "段", "雷", "侯", "龙", "史", "陶", "黎", "贺", "顾", "毛", "郝", "龚", "邵", "万", "钱", "严", "覃", "武",
    "戴", "莫", "孔", "向", "汤", "欧阳", "司马", "上官", "诸葛",
];
const MEN: &[&str] = &[
    "伟", "强", "磊", "军", "洋", "勇", "杰", "涛", "明", "超", "浩", "鹏", "飞", "宇", "凯", "子轩", "浩然", "宇航",
    "博文", "俊杰", "志强", "嘉豪", "天佑", "文博", "思远", "明哲", "泽宇", "家辉", "志远", "晨阳", "一鸣", "立诚",
    "国栋", "海波", "振华", "景行", "子墨", "承志", "书豪", "瑞霖", "云帆", "致远", "启明", "嘉树", "修远", "知行",
];
const WOMEN: &[&str] = &[
    "芳", "敏", "静", "丽", "艳", "娟", "霞", "玲", "燕", "丹", "萍", "婷", "雪", "颖", "琳", "梓涵", "雨桐", "欣怡",
    "诗涵", "佳怡", "思琪", "梦瑶", "雅婷", "晓彤", "紫萱", "若曦", "语嫣", "婉清", "静怡", "可馨", "子涵", "一诺",
    "书瑶", "清扬", "心怡", "雨薇", "嘉宁", "知微", "明月", "安然", "采薇", "慧敏", "晨曦", "怡然", "乐然", "念慈",
];
const MINORITIES: &[&str] = &[
    "壮族",
    "回族",
    "满族",
    "维吾尔族",
    "苗族",
    "彝族",
    "土家族",
    "藏族",
    "蒙古族",
    "侗族",
];
const PREFIXES: &[&str] = &["138", "139", "150", "151", "158", "186", "187", "189"];

/// The order codes 001 to 999 of an ID number.
const ORDER_CODES: u64 = 999;
/// The days that every month has.
const DAYS: u64 = 28;
/// How many administrators an organization can get who are no members.
pub const STAFF_PER_ORGANIZATION: u64 = 2;

/// The members of a branch.
#[derive(Clone, Copy)]
pub struct Cohort {
    /// The first and the last year of birth. The last lies at least fifteen years back.
    pub born: (i32, i32),
    /// The year in which a class entered the school.
    pub entered: Option<i32>,
    /// The year in which a class graduates.
    pub graduates: Option<Season>,
    /// Their education (学历).
    pub education: &'static str,
}

/// The personal data of an invented person.
pub struct DemoPerson {
    pub name: String,
    pub id_number: GeneratedIdNumber,
    pub born: NaiveDate,
    pub phone: Phone,
}

/// The source of people. The same seed, size and time give the same people.
pub struct Population {
    counties: Vec<&'static str>,
    seed: u64,
    now: Timestamp,
    /// How many runs through all pairs of county and order code share the days of the month.
    runs: u64,
}

impl Population {
    /// The greatest possible number of members: each pair of county and order code once on each day of the month.
    pub fn capacity(counties: usize) -> u64 {
        counties as u64 * ORDER_CODES * DAYS
    }

    pub fn new(counties: Vec<&'static str>, seed: u64, members: u64, now: Timestamp) -> Self {
        let runs = members.div_ceil(counties.len() as u64 * ORDER_CODES).max(1);
        Self {
            counties,
            seed,
            now,
            runs,
        }
    }

    /// A random generator for one purpose. The same key gives the same numbers.
    pub fn rng(&self, key: u64) -> Pcg64Mcg {
        Pcg64Mcg::seed_from_u64(self.seed ^ key.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The n-th person of an organization who need not be a member. The first is its secretary. They are older than any
    /// member, so their ID numbers differ from those of members.
    pub fn staff(&self, organization: i64, nth: u64) -> DemoPerson {
        let ordinal = organization as u64 * STAFF_PER_ORGANIZATION + nth;
        let mut rng = self.rng(!ordinal);
        let year = shanghai_date(self.now).year() - rng.random_range(30..=50);
        // Four runs suffice for six million organizations.
        self.person(&mut rng, ordinal, 4, year, "199")
    }

    /// The members of a branch. The first is fit for an office.
    pub fn members(
        &self,
        branch: &OrganizationRecord,
        cohort: Cohort,
        first: MemberId,
        count: u64,
    ) -> impl Iterator<Item = MemberRecord> + use<'_> {
        let mut rng = self.rng(branch.id.0 as u64);
        let (branch, path) = (branch.id, Arc::new(branch.path.clone()));
        (0..count).map(move |index| {
            let id = MemberId(first.0 + index as i64);
            let mut member = self.member(&mut rng, id, cohort, (branch, Arc::clone(&path)));
            if index == 0 {
                member.reassure();
            }
            member
        })
    }

    fn member(
        &self,
        rng: &mut Pcg64Mcg,
        id: MemberId,
        cohort: Cohort,
        home: (OrganizationId, Arc<Path>),
    ) -> MemberRecord {
        let ordinal = id.0 as u64 - 1;
        let year = rng.random_range(cohort.born.0..=cohort.born.1);
        let prefix = PREFIXES[rng.random_range(0..PREFIXES.len())];
        let person = self.person(rng, ordinal, self.runs, year, prefix);
        let joined = self.joined(rng, person.born);
        let standing = pick(
            rng,
            &[
                (970, Standing::Good),
                (20, Standing::PartyMember),
                (9, Standing::Left),
                (1, Standing::Expelled),
            ],
        );
        let certification = pick(
            rng,
            &[
                (960, Certification::Certified),
                (20, Certification::NotUploaded),
                (15, Certification::Waiting),
                (5, Certification::Refused),
            ],
        );
        MemberRecord {
            id,
            branch: home.0,
            branch_path: home.1,
            name: person.name,
            id_number: person.id_number,
            born: person.born,
            phone: (rng.random_range(0..50) != 0).then_some(person.phone),
            ethnic_group: if rng.random_range(0..100) < 91 {
                "汉族"
            } else {
                MINORITIES[rng.random_range(0..MINORITIES.len())]
            },
            political_status: if standing == Standing::PartyMember {
                "中共党员"
            } else {
                "共青团员"
            },
            education: cohort.education,
            joined,
            development_number: (joined.year() >= 2017).then(|| development_number(joined.year(), ordinal + 1)),
            standing,
            real_name_check: pick(
                rng,
                &[
                    (985, RealName::Passed),
                    (10, RealName::Unchecked),
                    (5, RealName::Failed),
                ],
            ),
            certification: if joined.year() < 2020 {
                Certification::NotRequired
            } else {
                certification
            },
            since: shanghai_midnight(since(joined, cohort.entered)),
        }
    }

    /// A month between the fourteenth and the eighteenth birthday that is not in the future.
    fn joined(&self, rng: &mut Pcg64Mcg, born: NaiveDate) -> Month {
        let count = |date: NaiveDate| date.year() * 12 + date.month0() as i32;
        let earliest = count(born) + 14 * 12;
        let latest = (earliest + 4 * 12).min(count(shanghai_date(self.now)));
        let month = rng.random_range(earliest..=latest.max(earliest));
        Month::new(month.div_euclid(12), month.rem_euclid(12) as u32 + 1)
            .unwrap_or_else(|| unreachable!("a month of this century"))
    }

    fn person(&self, rng: &mut Pcg64Mcg, ordinal: u64, runs: u64, year: i32, prefix: &str) -> DemoPerson {
        let pairs = self.counties.len() as u64 * ORDER_CODES;
        let (run, place) = (ordinal / pairs, permuted(ordinal % pairs, self.seed, pairs));
        let (county, order) = (self.counties[(place / ORDER_CODES) as usize], place % ORDER_CODES + 1);
        let month = rng.random_range(1..=12);
        let day = 1 + run + runs * rng.random_range(0..DAYS / runs);
        let born =
            NaiveDate::from_ymd_opt(year, month, day as u32).unwrap_or_else(|| unreachable!("no day after the 28th"));
        // The order code is odd for men.
        let given = if order % 2 == 1 { MEN } else { WOMEN };
        let surname = SURNAMES[rng.random_range(0..SURNAMES.len())];
        DemoPerson {
            name: [surname, given[rng.random_range(0..given.len())]].concat(),
            id_number: id_number(county, born, order),
            born,
            phone: ascii(format_args!(
                "{prefix}{:08}",
                permuted(ordinal % 100_000_000, self.seed, 100_000_000)
            )),
        }
    }
}

impl MemberRecord {
    /// Removes everything that would keep the member from an office or a transfer.
    fn reassure(&mut self) {
        self.standing = Standing::Good;
        self.political_status = "共青团员";
        self.real_name_check = RealName::Passed;
        if self.certification != Certification::NotRequired {
            self.certification = Certification::Certified;
        }
    }

    /// Whether the member can start a transfer (T3, T12).
    pub fn is_eligible(&self) -> bool {
        self.standing.is_good() && [Certification::Certified, Certification::NotRequired].contains(&self.certification)
    }
}

/// A member belongs to the branch from the first day on which both the class and the League membership exist.
fn since(joined: Month, entered: Option<i32>) -> NaiveDate {
    let first_of = |year, month| NaiveDate::from_ymd_opt(year, month, 1).unwrap_or_default();
    let joined = first_of(joined.year(), joined.month());
    entered.map_or(joined, |year| joined.max(first_of(year, 9)))
}

/// Draws one of the values. Their weights add up to a thousand.
fn pick<T: Copy>(rng: &mut Pcg64Mcg, weighted: &[(u32, T)]) -> T {
    let mut roll = rng.random_range(0..1000);
    for &(weight, value) in weighted {
        if roll < weight {
            return value;
        }
        roll -= weight;
    }
    unreachable!("the weights add up to a thousand")
}

/// A permutation of `0..size`. The factor is a prime that divides no size used here. It is close to the golden section
/// of each size, so neighbours land far from each other, and small enough for the largest ordinal.
fn permuted(n: u64, seed: u64, size: u64) -> u64 {
    const FACTOR: u64 = 147_063_077_327;
    (n * FACTOR + seed % size) % size
}

/// The check character of an ID number's first seventeen digits (GB 11643, ISO 7064 MOD 11-2).
pub fn check_character(digits: &[u8]) -> u8 {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = digits
        .iter()
        .zip(WEIGHTS)
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    b"10X98765432"[(sum % 11) as usize]
}

fn id_number(county: &str, born: NaiveDate, order: u64) -> GeneratedIdNumber {
    let mut number: GeneratedIdNumber = ascii(format_args!(
        "{county}{:04}{:02}{:02}{order:03}0",
        born.year(),
        born.month(),
        born.day()
    ));
    number.0[17] = check_character(&number.0[..17]);
    number
}

fn development_number(year: i32, serial: u64) -> DevelopmentNumber {
    ascii(format_args!("{year:04}{serial:08}"))
}

/// Formats a text of exactly `N` characters.
fn ascii<const N: usize>(text: std::fmt::Arguments<'_>) -> Ascii<N> {
    let mut bytes = [b'0'; N];
    let written = bytes.as_mut_slice().write_fmt(text);
    debug_assert!(written.is_ok());
    Ascii(bytes)
}
