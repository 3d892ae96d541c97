//! What is packed comes back as it was, and every text that was held is given back.

use proptest::prelude::*;

use super::*;
use crate::session::{Chain, ClientSession, Limits, Notes};
use keyraft_model::DurationMs;

const SID: &str = "zYABAgMEBQYHCAkKCwwNDg8Q";

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("2d9a3c0e-5b1f-4a7e-9c33-0123456789ab".to_owned()),
        Just("2D9A3C0E-5b1f-4a7e-9c33-0123456789ab".to_owned()),
        Just("2d9a3c0e-5b1f-4a7e-9c33-0123456789az".to_owned()),
        Just("00".to_owned()),
        Just("0".to_owned()),
        Just("9999999999999999999".to_owned()),
        Just("18446744073709551616".to_owned()),
        Just("192.0.2.1".to_owned()),
        Just("::1".to_owned()),
        Just("0:0:0:0:0:0:0:1".to_owned()),
        Just("Chrome/Linux".to_owned()),
        "\\PC{0,40}",
        "[0-9]{1,21}",
    ]
}

fn at() -> impl Strategy<Value = UnixMs> {
    prop_oneof![
        (0_i64..4_000_000_000_000).prop_map(UnixMs),
        Just(UnixMs(i64::MAX)),
        Just(UnixMs(i64::MIN)),
        any::<i64>().prop_map(UnixMs)
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let limit = || prop::option::of(prop_oneof![Just(0_i64), 1_i64..100_000_000].prop_map(DurationMs));
    (limit(), limit()).prop_map(|(max, idle)| Limits { max, idle })
}

fn notes() -> impl Strategy<Value = Notes> {
    prop::collection::vec((text(), text()), 0..4).prop_map(|notes| notes.into_iter().collect())
}

fn chain() -> impl Strategy<Value = (String, Chain)> {
    let issued = prop::collection::vec(text(), 0..3);
    (text(), text(), any::<u32>(), issued, at())
        .prop_map(|(id, jti, uses, issued, expires)| (id, Chain { jti, uses, issued, expires }))
}

fn client() -> impl Strategy<Value = ClientSession> {
    let chains = prop::collection::vec(chain(), 0..3);
    let texts = (text(), prop::option::of(text()));
    ((at(), at(), at()), limits(), texts, notes(), chains).prop_map(
        |((started, last_use, expires), limits, (scope, redirect_uri), notes, chains)| ClientSession {
            started,
            last_use,
            expires,
            limits,
            scope,
            redirect_uri,
            notes,
            chains: chains.into_iter().collect(),
        },
    )
}

fn session() -> impl Strategy<Value = UserSession> {
    let clients = prop::collection::vec((text(), client()), 0..4);
    let ids = (text(), text(), text(), any::<bool>(), any::<bool>());
    (ids, (at(), at(), at()), limits(), notes(), clients).prop_map(
        |(
            (realm, user, ip_address, remember_me, offline),
            (started, last_use, expires),
            limits,
            notes,
            clients,
        )| {
            UserSession {
                sid: SID.into(),
                kind: if offline { Kind::Offline } else { Kind::Online },
                realm: realm.into(),
                user: user.into(),
                started,
                last_use,
                expires,
                limits,
                remember_me,
                ip_address,
                notes,
                clients: clients.into_iter().map(|(id, held)| (id.into(), held)).collect(),
            }
        },
    )
}

proptest! {
    #[test]
    fn a_session_comes_back_as_it_was_packed(session in session(), other in session()) {
        let mut names = Names::default();
        let packed = Packed::of(&session, RowMark::default(), &mut names);
        let beside = Packed::of(&other, RowMark::default(), &mut names);

        let sid = Sid::parse(SID).unwrap();
        prop_assert_eq!(&packed.session(sid, session.kind, &names), &session);
        let clients: Vec<_> = packed.clients().into_iter().map(|number| names.text(number).to_owned()).collect();
        prop_assert_eq!(clients, session.clients.keys().map(ToString::to_string).collect::<Vec<_>>());

        packed.release(&mut names);
        prop_assert_eq!(&beside.session(sid, other.kind, &names), &other);
        beside.release(&mut names);
        prop_assert_eq!(names.size(), (0, 0));
    }

    #[test]
    fn a_size_does_not_depend_on_the_numbers_of_texts(session in session(), others in prop::collection::vec(text(), 0..50)) {
        let (mut names, mut crowded) = (Names::default(), Names::default());
        for other in &others {
            crowded.hold(other);
        }

        let alone = Packed::of(&session, RowMark::default(), &mut names);
        let among = Packed::of(&session, RowMark::default(), &mut crowded);

        prop_assert_eq!(alone.size(), among.size());
    }
}
