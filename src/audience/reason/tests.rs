use super::*;

#[test]
fn a_problem_names_the_row_and_what_to_do() {
    let mut problems = Problems::default();
    for row in 1..=12 {
        problems.add(
            "spec.contacts",
            row,
            if row > 10 { Reason::WebsiteBareSuffix } else { Reason::TooLong(Field::FirstName, 256) },
        );
    }
    assert_eq!((problems.total, problems.by_suffix_list, problems.first.len()), (12, 2, 10));
    assert_eq!(
        problems.first[2].to_string(),
        "spec.contacts row 3: the firstName is longer than 256 characters: shorten it"
    );
}
