//! Reading how first passwords leave the house; what a reseller account chooses must be there. Not here: whether Vault agrees.

use super::files::Privacy;
use super::kinds;
use super::reader::{Read, Section};
use super::sections::{Handover, ResellerSection};
use crate::handover::{AgeFolder, VaultSettings};
use crate::model::handover::Delivery;

/// The ways for first passwords.
pub(super) fn read(mut s: Section<'_>, resellers: &[ResellerSection]) -> Read<Handover> {
    let is_chosen = |way| resellers.iter().any(|section| section.reseller.handover == way);
    let public_url = s.optional("public_url", kinds::base);
    let expires = s.defaulted("expires", kinds::days);
    let vault = vault(s.section("vault"), is_chosen(Delivery::Vault));
    let age = age(s.section("age"), is_chosen(Delivery::Age));
    s.close();
    Ok(Handover { public_url: public_url?, expires: expires?, vault: vault?, age: age? })
}

fn vault(mut s: Section<'_>, is_chosen: bool) -> Read<Option<VaultSettings>> {
    let address = s.optional("address", kinds::base);
    let token_file = s.file("token_file", Privacy::Secret);
    let namespace = s.optional("namespace", kinds::text);
    let wrap_ttl = s.defaulted("wrap_ttl", kinds::duration);
    s.close();
    match (address?, token_file?) {
        (Some(address), Some(token_file)) => {
            Ok(Some(VaultSettings { address, token_file, namespace: namespace?, wrap_ttl: wrap_ttl? }))
        }
        (None, None) if !is_chosen => Ok(None),
        (None, _) => Err(s.missing("address", "write where Vault is, like https://vault.example:8200")),
        (Some(_), None) => Err(s.missing("token_file", "name the file with a token that may wrap")),
    }
}

fn age(mut s: Section<'_>, is_chosen: bool) -> Read<Option<AgeFolder>> {
    let folder = s.optional("folder", kinds::path);
    let recipients = s.defaulted("recipients", kinds::texts);
    s.close();
    match folder? {
        None if !is_chosen => Ok(None),
        None => Err(s.missing("folder", "name a folder that only those who run carepass can read")),
        Some(folder) => AgeFolder::new(folder, &recipients?)
            .map(Some)
            .map_err(|wrong| s.wrong("recipients", &format!("{wrong}; there must be one at least"))),
    }
}
