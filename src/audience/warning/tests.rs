use super::*;

fn emailed(email: &str) -> Member {
    Member { email: Some(email.to_owned()), ..Member::default() }
}

#[test]
fn the_tables_are_sorted() {
    assert!(FREE_MAIL.is_sorted() && ROLES.is_sorted());
}

#[test]
fn free_mail_and_roles_are_counted() {
    let members = [
        emailed("ada@gmail.com"),
        emailed("info@example.com"),
        emailed("sales@web.de"),
        emailed("ada@mail.example.com"),
        emailed("information@example.com"),
        Member::account("gmail.com"),
        Member::account("gmail.com.example.com"),
    ];
    let mut warnings = Warnings::default();
    members.iter().for_each(|member| warnings.add(Warning::about(member)));
    assert_eq!(warnings, Warnings { free_mail: 3, roles: 2 });
}
