//! Servers taken over together with the sign-ins that the other client keeps for them.

use super::{ClientError, Import, ImportVerdict, Imported, SignIns, app::App};
use crate::{Explain, Problem, ServerId, config::Config};

/// Takes servers over, and their sign-ins where the other client keeps any.
#[derive(Clone, Debug)]
pub struct TakeOver {
    /// The servers.
    pub import: Import,
    /// The sign-ins.
    pub sign_ins: SignIns,
}

/// What was taken over.
#[derive(Clone, Debug)]
pub struct TakenOver {
    /// The servers, with what takes them back.
    pub imported: Imported,
    /// The servers that are signed in by it, those that were here already among them.
    pub signed_in: Vec<ServerId>,
    /// Those whose sign-in could not be taken over, and why; signing in anew always helps.
    pub not_signed_in: Vec<(ServerId, Problem)>,
}

impl TakeOver {
    /// Takes servers over by their names in the other client; of one that is here already, its sign-in alone.
    pub async fn apply(&self, source: &str, names: &[String]) -> Result<TakenOver, ClientError> {
        let candidates = self.import.preview(source)?.candidates;
        let imported = self.import.apply(source, names)?;
        let config = self.import.config.read().unwrap_or_default();
        let here = candidates
            .iter()
            .filter(|candidate| {
                candidate.verdict == ImportVerdict::Present && names.contains(&candidate.name)
            })
            .map(|candidate| (&candidate.name, &candidate.id));
        let wanted = imported.added.iter().map(|(name, id)| (name, id)).chain(here);
        // A keychain is looked into only now: it may ask the user, who has just agreed.
        let keeps_any = App::named(source)?.keeps_sign_ins;
        let mut taken = TakenOver {
            imported: imported.clone(),
            signed_in: Vec::new(),
            not_signed_in: Vec::new(),
        };
        for (name, id) in wanted.filter(|_| keeps_any) {
            self.sign_in((name, id), &config, &mut taken).await;
        }
        Ok(taken)
    }

    async fn sign_in(&self, (name, id): (&str, &ServerId), config: &Config, taken: &mut TakenOver) {
        let Some(server) = config.servers.get(id) else {
            return;
        };
        match self.sign_ins.take_over(name, server).await {
            Ok(true) => taken.signed_in.push(id.clone()),
            Ok(false) => {}
            Err(error) => taken.not_signed_in.push((id.clone(), error.problem())),
        }
    }
}
