use super::*;

#[test]
fn case_spaces_and_underscores_do_not_matter() {
    let columns = Columns::default();
    for heading in ["first_name", "First Name", "FIRSTNAME", "first-name", " firstName ", "Given Name"] {
        assert_eq!(columns.field_of(heading, Kind::Contacts), Some(Field::FirstName), "{heading}");
    }
    for heading in ["", "country", "first name of the boss"] {
        assert_eq!(columns.field_of(heading, Kind::Contacts), None, "{heading}");
    }
}

#[test]
fn an_account_has_a_website_and_nothing_else() {
    let columns = Columns::default();
    assert_eq!(columns.field_of("Domain", Kind::Accounts), Some(Field::Website));
    assert_eq!(columns.field_of("email", Kind::Accounts), None);
}

#[test]
fn a_heading_from_the_spec_replaces_the_known_ones() {
    let columns = Columns::new([(Field::Website, "Web Site 2".to_owned())]);
    assert_eq!(columns.field_of("web_site_2", Kind::Accounts), Some(Field::Website));
    assert_eq!(columns.field_of("website", Kind::Accounts), None);
    // Also if the heading is known for another field.
    let columns = Columns::new([(Field::Website, "email".to_owned())]);
    assert_eq!(columns.field_of("Email", Kind::Contacts), Some(Field::Website));
}

#[test]
fn synonyms_are_normalised_and_unique() {
    let mut names: Vec<_> = SYNONYMS.iter().map(|(name, _)| *name).collect();
    assert!(names.iter().all(|name| normalise(name) == *name));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), SYNONYMS.len());
}
