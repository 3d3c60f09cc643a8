use super::*;
use kube::CustomResourceExt;

#[test]
fn every_resource_is_of_the_one_group_and_version() {
    for crd in [
        ContactAudience::crd(),
        AccountAudience::crd(),
        PropensityWorkspace::crd(),
        SuppressionList::crd(),
        PropensityReport::crd(),
        AudienceReceipt::crd(),
    ] {
        assert_eq!(crd.spec.group, GROUP);
        assert_eq!(crd.spec.versions[0].name, VERSION);
    }
}
