//! Rows of rcache's own, with the strategies of the experiments: the only subject that is written.

use std::sync::Arc;
use std::time::Duration;

use super::plan::Plan;
use super::subject::{Arm, FILLING, Filler, Subject, TrafficError};
use super::tally::DoneKind;
use super::worker::{Failure, Verdict, Worker};
use crate::cache::Options;
use crate::scenario::database::{Loads, loaded_here};
use crate::scenario::keys::Keys;
use crate::scenario::row::{FIRST_VERSION, Row};
use crate::scenario::strategies::{self, ArmClients, ArmSetup, Client, Strategy, WriterOutcome};
use crate::scenario::table::Table;
use crate::scenario::version_floor::Floors;
use crate::scenario::{ScenarioError, ServerPair};

/// The table of all trials, made for them and dropped with this.
pub(crate) struct Rows<'a> {
    pair: &'a ServerPair<'a>,
    table: Table,
}

impl<'a> Rows<'a> {
    pub(crate) fn new(pair: &'a ServerPair<'a>) -> Result<Self, ScenarioError> {
        Ok(Self { pair, table: Table::create(pair.mysql)? })
    }
}

impl Subject for Rows<'_> {
    fn workload(&self) -> Option<&str> {
        None
    }

    fn most_keys(&self) -> Option<u32> {
        None
    }

    fn arm(&self, strategy: Strategy, keys: &Keys, plan: &Plan) -> Result<Box<dyn Arm + '_>, TrafficError> {
        self.table.fill(plan.keys).map_err(ScenarioError::from)?;
        // By row the loads are of no interest.
        let loads = Arc::new(Loads::new(0));
        let setup = |ttl| ArmSetup::new(self.pair, keys, &loads, Options::default().ttl(ttl));
        let (filling, setup) = (setup(plan.ttl() + FILLING), setup(plan.ttl()));
        Ok(Box::new(RowArm { setup, filling, strategy, loads, floors: Arc::new(Floors::new(plan.keys)) }))
    }
}

struct RowArm<'a> {
    setup: ArmSetup<'a>,
    /// Like the stage, for entries that are stored before the trial.
    filling: ArmSetup<'a>,
    strategy: Strategy,
    loads: Arc<Loads>,
    floors: Arc<Floors>,
}

impl Arm for RowArm<'_> {
    fn filler(&self) -> Result<Option<Box<dyn Filler>>, TrafficError> {
        let filler = self.filling.filler(self.strategy).map_err(ScenarioError::from)?;
        Ok(filler.map(|filler| Box::new(RowFiller(filler)) as Box<dyn Filler>))
    }

    fn workers(&self, clients: u16) -> Result<Vec<Box<dyn Worker>>, TrafficError> {
        // None of the strategies of traffic works in the background.
        let ArmClients { clients, .. } =
            self.setup.arm_clients(self.strategy, usize::from(clients), 1).map_err(ScenarioError::from)?;
        let worker = |client| {
            let floors = Arc::clone(&self.floors);
            Box::new(RowWorker { client, floors, last: Last::Nothing }) as Box<dyn Worker>
        };
        Ok(clients.into_iter().map(worker).collect())
    }

    fn loads(&self) -> u64 {
        self.loads.all()
    }
}

struct RowFiller(strategies::Filler);

impl Filler for RowFiller {
    /// The rows must have their first version.
    fn fill(&mut self, key: u32) -> Result<(), TrafficError> {
        Ok(self.0.fill(&Row::of(key, FIRST_VERSION)).map_err(ScenarioError::from)?)
    }

    fn flush(&mut self) {
        self.0.flush();
    }
}

struct RowWorker {
    client: Box<dyn Client>,
    floors: Arc<Floors>,
    last: Last,
}

/// The last operation, as far as it is to be checked.
enum Last {
    Nothing,
    Read { row: Option<Row>, floor: u64 },
    Written { version: u64 },
}

impl Worker for RowWorker {
    fn read(&mut self, key: u32) -> Result<DoneKind, Failure> {
        let (floor, loads) = (self.floors.of(key), loaded_here());
        let row = self.client.read(key)?;
        self.last = Last::Read { row, floor };
        Ok(if loaded_here() == loads { DoneKind::Hit } else { DoneKind::Load })
    }

    fn write(&mut self, key: u32) -> Result<(), Failure> {
        let version = self.client.write(key, WriterOutcome::Returns)?;
        self.last = Last::Written { version };
        Ok(())
    }

    fn check(&mut self, key: u32, began: Duration, done: Duration) -> Verdict {
        match std::mem::replace(&mut self.last, Last::Nothing) {
            Last::Read { row: Some(row), floor } if row.is_genuine(key) => {
                if row.version < floor {
                    Verdict::Stale(self.floors.age(key, row.version, began))
                } else {
                    Verdict::Right
                }
            }
            Last::Read { .. } => Verdict::Wrong,
            Last::Written { version } => {
                self.floors.raise(key, version, done);
                Verdict::Right
            }
            Last::Nothing => Verdict::Right,
        }
    }
}
