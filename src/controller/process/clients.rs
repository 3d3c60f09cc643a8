//! The clients, from the settings.

use std::path::PathBuf;

use super::error::RunError;
use crate::controller::context::creates::Api;
use crate::propensity::{AllowedHosts, BaseUrl, Client, ClientError, ClientSettings, EndpointError, ReportClient};
use crate::settings::Settings;
use crate::sources::networks::PrivateNetworks;
use crate::sources::remote::{FetchPolicy, SourceClient};

/// The client for creates, or why no key may be sent to the base URL.
///
/// # Errors
/// When a setting can't be used at all.
pub fn create_api(settings: &Settings, allowed: &AllowedHosts) -> Result<Result<Api, String>, RunError> {
    match BaseUrl::parse(settings.api_url.as_str(), allowed) {
        Ok(base) => Ok(Ok(Api { client: Client::new(base.clone(), &client_settings(settings)?)?, base })),
        // A wrong setting, but one that each workspace can report: what is created already stays visible.
        Err(error @ EndpointError::NotAllowed { .. }) => Ok(Err(error.to_string())),
        Err(error) => Err(RunError::ApiUrl(error)),
    }
}

/// The hosts that keys may be sent to.
///
/// # Errors
/// When the setting can't be read.
pub fn allowed_hosts(settings: &Settings) -> Result<AllowedHosts, RunError> {
    AllowedHosts::parse(settings.allowed_hosts.iter()).map_err(RunError::AllowedHosts)
}

fn client_settings(settings: &Settings) -> Result<ClientSettings, RunError> {
    Ok(ClientSettings { extra_roots: extra_roots(settings)?, ..ClientSettings::default() })
}

fn extra_roots(settings: &Settings) -> Result<Option<Vec<u8>>, RunError> {
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|source| RunError::CaFile { path: path.display().to_string(), source })
    };
    settings.ca_file.as_ref().map(read).transpose()
}

/// The client for reports.
///
/// # Errors
/// When a setting can't be used at all.
pub fn report_client(settings: &Settings, allowed: AllowedHosts) -> Result<ReportClient, RunError> {
    // As for creates, requests to this machine itself bypass the proxy of the environment.
    let direct = settings.api_url.host_str().is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host));
    Ok(ReportClient::new(allowed, &client_settings(settings)?, direct)?)
}

/// The client for files on other servers.
///
/// # Errors
/// When a setting can't be used at all.
pub fn remote(settings: &Settings) -> Result<SourceClient, RunError> {
    let hosts = AllowedHosts::parse(settings.source_hosts.iter()).map_err(RunError::SourceHosts)?;
    let networks = settings.source_networks.iter().map(String::as_str);
    let networks = PrivateNetworks::parse(networks).map_err(RunError::SourceNetworks)?;
    let roots = extra_roots(settings)?;
    SourceClient::new(FetchPolicy { hosts, networks }, roots.as_deref())
        .map_err(|_| RunError::Client(ClientError::Setup))
}
