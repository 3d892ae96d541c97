//! Snapshots: the state in a file, slot by slot.
//!
//! `magic · frame of the head · one frame per slot that holds anything · frame of the foot`. A snapshot in
//! the making shares the slots with the state, so that applying goes on; only slots written meanwhile exist
//! twice. A file gets its name when it is whole and synced; what is damaged is never half used.

use std::{
    fs::{self, File},
    io::{self, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{
    engine::{
        frame::{self, damaged},
        layout::{LogId, Membership},
        types::SnapshotMeta,
    },
    machine::{
        State,
        image::{Image, SlotImage},
    },
};

const MAGIC: &[u8; 8] = b"KRSNAP\x00\x01";
const NAME: &str = "state.snapshot";

/// What a snapshot says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) last: Option<LogId>,
    pub(crate) members_at: Option<LogId>,
    pub(crate) members: Membership,
}

/// The end of a snapshot: without it, a file was cut short.
#[derive(Debug, Serialize, Deserialize)]
struct Foot {
    slots: u32,
}

/// A whole snapshot on disk; what openraft passes around.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SnapshotFile(pub(crate) PathBuf);

/// The folder of snapshots; it holds at most one whole one.
#[derive(Clone, Debug)]
pub(crate) struct Snapshots {
    dir: PathBuf,
}

impl Snapshots {
    /// Over a folder that exists.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// The current snapshot's file, if there is one.
    pub(crate) fn current(&self) -> Option<SnapshotFile> {
        let path = self.dir.join(NAME);
        path.exists().then_some(SnapshotFile(path))
    }

    /// Writes a snapshot and puts it in place of the current one. Blocking.
    pub(crate) fn save(&self, head: &Head, image: &Image) -> io::Result<SnapshotFile> {
        self.replace(|file| write(file, head, image))
    }

    /// Where a snapshot that comes from a peer is put together.
    pub(crate) fn incoming(&self) -> PathBuf {
        self.dir.join("incoming.part")
    }

    /// Takes over a snapshot that came from elsewhere. Blocking.
    pub(crate) fn adopt(&self, from: &SnapshotFile) -> io::Result<SnapshotFile> {
        if self.current().as_ref() == Some(from) {
            return Ok(from.clone());
        }
        if from.0 == self.incoming() {
            let whole = self.dir.join(NAME);
            fs::rename(&from.0, &whole)?;
            File::open(&self.dir)?.sync_all()?;
            return Ok(SnapshotFile(whole));
        }
        let mut source = File::open(&from.0)?;
        self.replace(|file| io::copy(&mut source, file).map(drop))
    }

    fn replace(&self, fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<SnapshotFile> {
        let (part, whole) = (self.dir.join("state.part"), self.dir.join(NAME));
        let mut writer = BufWriter::with_capacity(1 << 20, File::create(&part)?);
        fill(&mut writer)?;
        writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&part, &whole)?;
        File::open(&self.dir)?.sync_all()?;
        Ok(SnapshotFile(whole))
    }
}

impl SnapshotFile {
    /// Reads what the snapshot says of itself. Blocking.
    pub(crate) fn head(&self) -> io::Result<Head> {
        read_head(&mut self.open()?)
    }

    /// Reads the whole snapshot. Blocking.
    pub(crate) fn load(&self) -> io::Result<(Head, State)> {
        let mut from = self.open()?;
        let head = read_head(&mut from)?;
        let image = frame::decode(&whole(frame::read(&mut from))?)?;
        let mut state = State::from_image(image);
        let mut slots = 0;
        loop {
            match frame::decode(&whole(frame::read(&mut from))?)? {
                Part::Slot(slot) => state.put_slot(slot).map_err(damaged)?,
                Part::Foot(foot) if foot.slots == slots => break,
                Part::Foot(_) => return Err(damaged("slots are missing")),
            }
            slots += 1;
        }
        Ok((head, state))
    }

    /// Checks every checksum and that nothing is missing, without building the state. Blocking.
    pub(crate) fn check(&self) -> io::Result<Head> {
        let mut from = self.open()?;
        let head = read_head(&mut from)?;
        whole(frame::read(&mut from))?;
        let mut slots = 0;
        loop {
            match frame::decode(&whole(frame::read(&mut from))?)? {
                Part::Slot(_) => slots += 1,
                Part::Foot(foot) if foot.slots == slots => return Ok(head),
                Part::Foot(_) => return Err(damaged("slots are missing")),
            }
        }
    }

    /// The size in bytes.
    pub(crate) fn size(&self) -> io::Result<u64> {
        Ok(fs::metadata(&self.0)?.len())
    }

    fn open(&self) -> io::Result<BufReader<File>> {
        Ok(BufReader::with_capacity(1 << 20, File::open(&self.0)?))
    }
}

/// What follows the head.
#[expect(clippy::large_enum_variant, reason = "one at a time, on its way to or from a file")]
#[derive(Serialize, Deserialize)]
enum Part {
    Slot(SlotImage),
    Foot(Foot),
}

fn write(file: &mut BufWriter<File>, head: &Head, image: &Image) -> io::Result<()> {
    file.write_all(MAGIC)?;
    frame::write(&mut *file, &frame::encode(head)?)?;
    frame::write(&mut *file, &frame::encode(&image.globals)?)?;
    let mut slots = 0;
    for slot in image.slots() {
        frame::write(&mut *file, &frame::encode(&Part::Slot(slot))?)?;
        slots += 1;
    }
    frame::write(&mut *file, &frame::encode(&Part::Foot(Foot { slots }))?)?;
    Ok(())
}

fn read_head(from: &mut BufReader<File>) -> io::Result<Head> {
    let mut magic = [0; MAGIC.len()];
    from.read_exact(&mut magic)?;
    if magic != *MAGIC {
        return Err(damaged("not a snapshot"));
    }
    frame::decode(&whole(frame::read(from))?)
}

/// A whole file is expected: its end is damage here, not a torn tail.
fn whole(read: io::Result<Vec<u8>>) -> io::Result<Vec<u8>> {
    read.map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => damaged("cut short"),
        _ => error,
    })
}

impl Head {
    /// The head as openraft knows it.
    pub(crate) fn meta(self) -> io::Result<SnapshotMeta> {
        let at = self.members_at.map(Into::into);
        let members = openraft::StoredMembership::new(at, self.members.try_into()?);
        Ok(SnapshotMeta { last_log_id: self.last.map(Into::into), last_membership: members })
    }

    /// From what openraft knows.
    pub(crate) fn of(meta: &SnapshotMeta) -> Self {
        Self {
            last: meta.last_log_id.as_ref().map(Into::into),
            members_at: meta.last_membership.log_id().as_ref().map(Into::into),
            members: meta.last_membership.membership().into(),
        }
    }
}

/// A folder made durable: it and its entry in its parent.
pub(crate) fn make_dir(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path)?;
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
