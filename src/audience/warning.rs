//! Warnings about members that may be sent but perhaps shouldn't be.

use std::collections::HashSet;
use std::sync::LazyLock;

use foldhash::fast::FixedState;

use super::Member;

/// Providers of free mailboxes, sorted. Such an address says nothing about a person's company, and such a website isn't
/// a useful account.
const FREE_MAIL: &[&str] = &[
    "126.com",
    "163.com",
    "aol.com",
    "att.net",
    "bigpond.com",
    "bluewin.ch",
    "bol.com.br",
    "btinternet.com",
    "comcast.net",
    "daum.net",
    "fastmail.com",
    "free.fr",
    "freenet.de",
    "gmail.com",
    "gmx.at",
    "gmx.ch",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "googlemail.com",
    "hanmail.net",
    "hey.com",
    "hotmail.co.uk",
    "hotmail.com",
    "hotmail.de",
    "hotmail.fr",
    "hotmail.it",
    "hushmail.com",
    "icloud.com",
    "inbox.lv",
    "laposte.net",
    "libero.it",
    "live.co.uk",
    "live.com",
    "live.fr",
    "live.nl",
    "mac.com",
    "mail.com",
    "mail.ru",
    "mailbox.org",
    "me.com",
    "msn.com",
    "naver.com",
    "orange.fr",
    "outlook.com",
    "outlook.de",
    "outlook.fr",
    "pm.me",
    "posteo.de",
    "proton.me",
    "protonmail.com",
    "qq.com",
    "rediffmail.com",
    "rocketmail.com",
    "sbcglobal.net",
    "seznam.cz",
    "sfr.fr",
    "shaw.ca",
    "sina.com",
    "t-online.de",
    "telus.net",
    "tutanota.com",
    "uol.com.br",
    "verizon.net",
    "virgilio.it",
    "wanadoo.fr",
    "web.de",
    "wp.pl",
    "yahoo.ca",
    "yahoo.co.in",
    "yahoo.co.jp",
    "yahoo.co.uk",
    "yahoo.com",
    "yahoo.de",
    "yahoo.es",
    "yahoo.fr",
    "yahoo.it",
    "yandex.com",
    "yandex.ru",
    "ymail.com",
    "zoho.com",
];

/// Mailboxes of roles instead of persons, sorted; from RFC 2142 and common practice.
const ROLES: &[&str] = &[
    "abuse",
    "accounting",
    "admin",
    "billing",
    "careers",
    "contact",
    "enquiries",
    "finance",
    "hello",
    "help",
    "hostmaster",
    "hr",
    "info",
    "inquiries",
    "jobs",
    "legal",
    "mail",
    "marketing",
    "media",
    "news",
    "no-reply",
    "noc",
    "noreply",
    "office",
    "orders",
    "postmaster",
    "press",
    "privacy",
    "root",
    "sales",
    "security",
    "service",
    "support",
    "team",
    "webmaster",
];

static FREE_MAIL_SET: LazyLock<HashSet<&str, FixedState>> = LazyLock::new(|| FREE_MAIL.iter().copied().collect());
static ROLE_SET: LazyLock<HashSet<&str, FixedState>> = LazyLock::new(|| ROLES.iter().copied().collect());

/// The number of members for each warning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Warnings {
    /// Members with an email or website of a free mail provider.
    pub free_mail: u64,
    /// Members with the email of a role, such as `info@example.com`.
    pub roles: u64,
}

/// The warnings about one member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Warning {
    free_mail: bool,
    role: bool,
}

impl Warning {
    /// The warnings about a member in normal form.
    pub(super) fn about(member: &Member) -> Self {
        let (mailbox, host) = member.email.as_deref().and_then(|email| email.rsplit_once('@')).unzip();
        let website = member.website.as_deref();
        let is_free = |host: &str| FREE_MAIL_SET.contains(host);
        Self {
            free_mail: host.is_some_and(is_free) || website.filter(|_| website != host).is_some_and(is_free),
            role: mailbox.is_some_and(|mailbox| ROLE_SET.contains(mailbox)),
        }
    }
}

impl Warnings {
    /// Counts a member's warnings.
    pub(super) fn add(&mut self, warning: Warning) {
        self.free_mail += u64::from(warning.free_mail);
        self.roles += u64::from(warning.role);
    }
}

#[cfg(test)]
mod tests;
