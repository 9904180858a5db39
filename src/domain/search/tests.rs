use super::name::{Name, core, fold, places, squeeze};
use super::query::readings;
use super::rank::{Rank, RankFacts, fit};
use super::*;
use crate::domain::organization::facts::{Level, Status};
use proptest::prelude::*;

fn terms_of(name: &str, short_name: &str, kind: OrganizationKind) -> Vec<String> {
    let named = Named {
        name,
        short_name,
        former_names: &[],
        school_code: None,
        kind,
    };
    terms(&named).into_iter().map(|term| term.text).collect()
}

#[test]
fn o4_the_formal_frame_is_left_out() {
    for (formal, expected) in [
        ("共青团清华大学委员会", "清华大学"),
        ("中国共产主义青年团清华大学委员会", "清华大学"),
        ("清华大学团委", "清华大学"),
        ("共青团清华大学委", "清华大学"),
        ("团湖北省委", "湖北省"),
        ("共青团湖北省委", "湖北省"),
        ("湖北团省委", "湖北"),
        ("关山街道团工委", "关山街道"),
        ("机械2301班团支部", "机械2301班"),
        ("共青团团风县委员会", "团风县"),
        ("清华大学", "清华大学"),
        // Nothing but frame: there is nothing else to search by.
        ("团委", "团委"),
        ("共青团", "共青团"),
        ("", ""),
    ] {
        assert_eq!(core(formal), expected, "{formal}");
    }
}

#[test]
fn o4_places_are_shortened_and_the_proper_name_is_found() {
    for (name, expected, rest) in [
        ("武汉市洪山区关山街道", &["武汉", "洪山"][..], "关山街道"),
        ("恩施土家族苗族自治州巴东县绿葱坡镇", &["恩施", "巴东"], "绿葱坡镇"),
        ("洪山区", &[], "洪山区"),
        ("武汉大学", &[], "武汉大学"),
    ] {
        assert_eq!(places(name), (expected.to_vec(), rest), "{name}");
    }
    assert_eq!(squeeze("武汉市洪山区关"), "武汉洪山关");
    let college = Name::of("共青团华中科技大学机械科学与工程学院委员会", "机械科学与工程学院团委");
    assert_eq!(college.own, "机械科学与工程学院");
    assert_eq!(college.whole, "华中科技大学机械科学与工程学院");
}

#[test]
fn o4_pinyin_reads_places_and_surnames_correctly() {
    for (text, full, initials) in [
        ("重庆", "chongqing", "cq"),
        ("厦门", "xiamen", "xm"),
        ("单县", "shanxian", "sx"),
        ("长沙", "changsha", "cs"),
        ("长子县", "zhangzixian", "zzx"),
        ("六安", "luan", "la"),
        ("六安", "liuan", "la"),
        ("乐山", "leshan", "ls"),
        ("乐清", "yueqing", "yq"),
        ("乐亭", "laoting", "lt"),
        ("台州", "taizhou", "tz"),
        ("解放", "jiefang", "jf"),
        ("解集", "xieji", "xj"),
        ("成都", "chengdu", "cd"),
        ("佛山", "foshan", "fs"),
        ("西藏", "xizang", "xz"),
        ("番禺", "panyu", "py"),
        ("绿园", "lvyuan", "ly"),
        ("八一中学", "bayizhongxue", "byzx"),
    ] {
        let spelled = pinyin::spellings(text);
        assert!(
            spelled.iter().any(|s| s.full == full && s.initials == initials),
            "{text}: {spelled:?}"
        );
    }
    assert_eq!(pinyin::spellings("abc1"), []);
    assert_eq!(pinyin::spellings("🙂🙂"), []);
}

#[test]
fn o4_abbreviations_follow_the_name() {
    for (name, expected) in [
        ("武汉大学", "武大"),
        ("华中科技大学", "华科"),
        ("华中科技大学", "华中科大"),
        ("哈尔滨工业大学", "哈工大"),
        ("西安交通大学", "西交"),
        ("西安交通大学", "西安交大"),
        ("北京航空航天大学", "北航"),
        ("武汉理工大学", "武理工"),
        ("黄冈职业技术学院", "黄冈职院"),
        ("丽江师范高等专科学校", "丽江师专"),
        ("江西理工大学应用科学学院", "江西理工应用科学学院"),
        ("阳新富川高级中学", "阳新富川高中"),
        ("武汉第一中学", "武汉一中"),
    ] {
        let shortened = abbreviation::by_rule(name);
        assert!(shortened.contains(&expected.to_owned()), "{name}: {shortened:?}");
    }
    for (name, expected) in [
        ("中国人民大学", "人大"),
        ("中国科学技术大学", "中科大"),
        ("北京大学", "北大"),
    ] {
        assert!(abbreviation::usual(name).contains(&expected), "{name}");
    }
    for name in ["", "大学", "洪山关山街道", "学院"] {
        assert_eq!(abbreviation::by_rule(name), [""; 0], "{name}");
    }
}

#[test]
fn o4_an_organization_has_few_terms() {
    let township = terms_of(
        "共青团洪山区关山街道委员会",
        "洪山区关山街道团委",
        OrganizationKind::Committee,
    );
    for expected in ["洪山关山街道", "关山街道", "guanshanjiedao", "gsjd"] {
        assert!(township.contains(&expected.to_owned()), "{township:?}");
    }
    assert!(township.len() <= 6, "{township:?}");
    // There are four million branches.
    assert_eq!(
        terms_of("机械2301班团支部", "机械2301班团支部", OrganizationKind::Branch),
        ["2301班", "机械2301班"]
    );
}

#[test]
fn o4_an_organization_is_in_the_lists_it_is_searched_for_in() {
    let path: Path = "1/5/70/900/".parse().unwrap();
    let [nation, province, school, part] = [1, 5, 70, 900].map(OrganizationId);
    let lists = |path: &str, kind, organ| scopes(&path.parse().unwrap(), kind, Some(province), Some(organ));
    assert_eq!(
        lists("1/5/", OrganizationKind::LeadingOrgan, province),
        [nation, province]
    );
    assert_eq!(
        lists("1/5/70/", OrganizationKind::Committee, province),
        [nation, province]
    );
    assert_eq!(
        lists("1/5/70/900/", OrganizationKind::Committee, province),
        [nation, province, school]
    );
    assert_eq!(lists("1/5/70/900/", OrganizationKind::Branch, province), [school]);
    assert_eq!(
        lists("1/5/70/900/", OrganizationKind::GeneralBranch, province),
        [school]
    );
    // A branch that is its own unit is searched for like a committee.
    assert_eq!(lists("1/5/70/", OrganizationKind::Branch, province), [nation, province]);
    assert_eq!(
        scope_below(&path, OrganizationKind::Committee, Some(province), Some(province)),
        Some(school)
    );
    assert_eq!(part, path.ids().next_back().unwrap());
    let county: Path = "1/5/6/".parse().unwrap();
    assert_eq!(
        scope_below(
            &county,
            OrganizationKind::LeadingOrgan,
            Some(province),
            Some(OrganizationId(6))
        ),
        Some(province)
    );
}

#[test]
fn o4_a_query_is_read_literally_first() {
    let parts = |query: &str| -> Vec<Vec<String>> {
        let texts = |reading: query::Reading| reading.0.into_iter().map(|part| part.text).collect();
        readings(query).into_iter().map(texts).collect()
    };
    assert_eq!(parts("武汉大学"), [vec!["武汉大学"], vec!["武汉", "大学"]]);
    assert_eq!(
        parts("关山街道 武汉")[..2],
        [vec!["关山街道武汉"], vec!["关山街道", "武汉"]]
    );
    assert_eq!(parts("Wuhan-DaXue")[0], ["wuhandaxue"]);
    for nothing in ["", "  ", "%", "团", "街道", "大学"] {
        assert_eq!(parts(nothing), Vec::<Vec<String>>::new(), "{nothing}");
    }
}

#[test]
fn o4_whole_texts_come_before_longer_ones_and_prominent_organizations_before_others() {
    let standing = |id, kind, level, status| RankFacts {
        id: OrganizationId(id),
        kind,
        level,
        stage: None,
        status,
    };
    let city = standing(2, OrganizationKind::LeadingOrgan, Level::City, Status::Active);
    let town = standing(1, OrganizationKind::Committee, Level::Grassroots, Status::Active);
    let closed = standing(1, OrganizationKind::LeadingOrgan, Level::City, Status::Closed);
    let whole = fit(TermKind::Name, "武汉", "武汉");
    let longer = fit(TermKind::Name, "武汉大学", "武汉");
    assert!(Rank::new(0, &town, whole, 0) < Rank::new(0, &city, longer, 2));
    assert!(Rank::new(0, &city, whole, 0) < Rank::new(0, &town, whole, 0));
    assert!(Rank::new(0, &town, whole, 0) < Rank::new(0, &closed, whole, 0));
    assert!(Rank::new(0, &closed, longer, 2) < Rank::new(1, &city, whole, 0));
}

proptest! {
    /// No typed or registered text causes a panic, and a registered name finds itself.
    #[test]
    fn o4_any_text_can_be_a_name_or_a_query(text in "\\PC{0,70}|[共青团武汉市洪山区关街道大学院第一中委员会2301 ]{0,20}") {
        let _ = readings(&text);
        let all = terms_of(&text, &text, OrganizationKind::Committee);
        for term in &all {
            prop_assert_eq!(&fold(term), term);
            prop_assert!(term.chars().count() >= 2);
        }
        let squeezed = squeeze(core(&fold(&text)));
        prop_assert!(squeezed.chars().count() < 2 || all.contains(&squeezed));
    }

    /// A prefix of a name is a prefix of its term, since the index is searched by prefix only.
    #[test]
    fn o4_a_prefix_of_a_name_is_a_prefix_of_its_term(length in 1usize..12) {
        let name = "武汉市洪山区关山街道";
        let typed: String = name.chars().take(length).collect();
        let whole = squeeze(name);
        let begins = readings(&typed).iter().any(|reading| whole.starts_with(&reading.0.iter().map(|part| part.text.as_str()).collect::<String>()));
        prop_assert!(length < 2 || begins, "{}", typed);
    }
}
