use super::*;

fn refusal(bytes: &[u8]) -> String {
    let message = Pickle::read(bytes).err().unwrap_or_else(|| panic!("{bytes:?} was accepted"));
    assert!(!message.contains('\n'), "{message}");
    message
}

/// 'X' string of the binary protocols.
fn text(s: &str) -> Vec<u8> {
    [b"X", &(s.len() as u32).to_le_bytes()[..], s.as_bytes()].concat()
}

#[test]
fn plain_containers_are_read() {
    // {'a': 1, 'b': [2.5, None, True], 'n': -2, 'l': 300}
    let bytes = [
        &b"\x80\x02}q\0("[..],
        &text("a"),
        b"K\x01",
        &text("b"),
        b"](G\x40\x04\0\0\0\0\0\0N\x88e",
        &text("n"),
        b"J\xfe\xff\xff\xff",
        &text("l"),
        b"\x8a\x02\x2c\x01u.",
    ]
    .concat();
    let pickle = Pickle::read(&bytes).unwrap();
    let root = pickle.root();
    assert_eq!(root.get("a").unwrap().int(), Some(1));
    assert_eq!(root.get("n").unwrap().int(), Some(-2));
    assert_eq!(root.get("l").unwrap().int(), Some(300));
    assert!(matches!(root.get("b").unwrap().node(), Node::List(items) if items.len() == 3));
    assert!(root.get("c").is_none());
}

#[test]
fn text_protocol_is_read() {
    let pickle = Pickle::read(b"(dp0\nS'x'\np1\nI7\nsS'y'\nF0.5\nsg0\n0S'z'\nL-9L\ns.").unwrap();
    assert_eq!(pickle.root().get("x").unwrap().int(), Some(7));
    assert_eq!(pickle.root().get("y").unwrap().float(), Some(0.5));
    assert_eq!(pickle.root().get("z").unwrap().int(), Some(-9));
}

#[test]
fn nothing_is_executed() {
    let stack_global = |module: &str, name: &str| {
        [b"\x80\x04", &text(module)[..], &text(name), b"\x93", &text("touch /tmp/x"), b"\x85R."].concat()
    };
    for (bytes, name) in [
        (&b"cos\nsystem\n(S'touch /tmp/x'\ntR."[..], "os.system"),
        (b"\x80\x02cposix\nsystem\nX\x01\0\0\0x\x85R.", "posix.system"),
        (b"c__builtin__\neval\n(S'1'\ntR.", "__builtin__.eval"),
        (b"cbuiltins\n__import__\n(S'os'\ntR.", "builtins.__import__"),
        (b"(S'id'\nios\nsystem\n.", "os.system"),
        (b"csubprocess\nPopen\n)\x81.", "subprocess.Popen"),
        // A module that may be named, and an attribute walk out of it.
        (b"ctorch.optim\nsys.modules\n)R.", "torch.optim.sys.modules"),
        (b"ctorch.optimizer_of_mine\nrun\n)R.", "torch.optimizer_of_mine.run"),
        (b"ctorch.hub\nload\n)R.", "torch.hub.load"),
        (&stack_global("os", "system"), "os.system"),
        (&stack_global("builtins", "exec"), "builtins.exec"),
        (&stack_global("runpy", "_run_code"), "runpy._run_code"),
    ] {
        let message = refusal(bytes);
        assert!(message.contains(name) && message.contains("nothing was executed"), "{message}");
    }
    // Module and name from the memo, so that they are not adjacent in the file.
    let memo = [b"\x80\x04", &text("system")[..], b"\x940", &text("os"), b"\x940h\x01h\0\x93)R."].concat();
    assert!(refusal(&memo).contains("os.system"));
    // A name with a line break or a terminal sequence in it must not reach the message as such.
    let odd = stack_global("o\ns", "\x1b[2J");
    assert!(!refusal(&odd).contains('\x1b'));
}

#[test]
fn training_state_becomes_placeholders() {
    // getattr(CyclicLR.__new__(CyclicLR) with some state, '_triangular_scale_fn'), as a cyclic schedule is pickled.
    let bytes = [
        &b"\x80\x02}"[..],
        &text("scale_fn"),
        b"c__builtin__\ngetattr\nctorch.optim.lr_scheduler\nCyclicLR\n)\x81}",
        &text("optimizer"),
        b"ctorch.optim.adam\nAdam\n)\x81sb",
        &text("_triangular_scale_fn"),
        b"\x86Rs.",
    ]
    .concat();
    let pickle = Pickle::read(&bytes).unwrap();
    let value = pickle.root().get("scale_fn").unwrap();
    assert!(matches!(value.node(), Node::Opaque));
    assert!(value.tensor().is_none() && value.int().is_none() && value.items().is_none());
}

#[test]
fn hostile_sizes_are_refused() {
    for bytes in [
        &b""[..],
        b".",
        b"\x80\x02",
        b"\x80\x09N.",
        b"X\xff\xff\xff\xffabc.",
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc.",
        b"\x8b\xff\xff\xff\xff\x01.",
        b"\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"j\xff\xff\xff\xff.",
        b"h\0.",
        b"g99999999999999999999999\n.",
        b"0",
        b"t.",
        b"(0.",
        b"(N0a.",
        b"N(u.",
        b"}(Nu.",
        b"NNs.",
        b"\x87.",
        b"NR.",
        b"NNR.",
        b"N)R.",
        b"N)\x81.",
        b"Q.",
        b"NQ.",
        b"\x82\x01.",
        b"cos",
        b"X\x01\0\0\0\xff.",
    ] {
        refusal(bytes);
    }
    assert!(refusal(&vec![b'N'; MAX_PICKLE + 1]).contains("more than any checkpoint needs"));
}

#[test]
fn memo_indexes_and_depth_cost_no_more_than_their_bytes() {
    // The largest index, stored and recalled.
    assert_eq!(Pickle::read(b"K\x07r\xff\xff\xff\xff0j\xff\xff\xff\xff.").unwrap().root().int(), Some(7));
    // A million lists, each inside the next; reading and dropping them must not recurse.
    let mut deep = vec![b']'; 1_000_000];
    deep.extend(vec![b'a'; 999_999]);
    deep.push(b'.');
    drop(Pickle::read(&deep).unwrap());
    let marks = vec![b'('; 1_000_000];
    refusal(&marks);
    // A list that holds itself.
    drop(Pickle::read(b"]q\0h\0a.").unwrap());
}

#[test]
fn tensors_are_described() {
    let storage =
        [&b"("[..], &text("storage"), b"ctorch\nFloatStorage\n", &text("3"), &text("cpu"), b"K\x0ctQ"].concat();
    let tensor = |tail: &[u8]| [b"ctorch._utils\n_rebuild_tensor_v2\n(", &storage[..], tail, b"tR."].concat();
    let pickle = Pickle::read(&tensor(b"K\x02K\x02K\x05\x86K\x05K\x01\x86\x89N")).unwrap();
    let expected = TensorRef {
        kind: StorageType::Float,
        key: "3".into(),
        storage_len: 12,
        offset: 2,
        shape: vec![2, 5],
        stride: vec![5, 1],
    };
    assert_eq!(pickle.root().tensor(), Some(&expected));
    refusal(&tensor(b"J\xff\xff\xff\xffK\x02\x85K\x01\x85\x89N")); // offset -1
    refusal(&tensor(b"K\0K\x02\x85)\x89N")); // no stride
    refusal(&tensor(b"K\0")); // no shape
}

proptest::proptest! {
    #[test]
    fn any_bytes_end_without_a_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
        let _ = Pickle::read(&bytes);
    }

    // Bytes that are mostly instructions reach more of the machine than random ones.
    #[test]
    fn any_program_ends_without_a_panic(program in proptest::collection::vec(
        proptest::sample::select(&b"(.012NKMJ)tl]ae}dsuqhRbQo\x81\x85\x86\x87\x88\x8f\x90\x91\x93\x94"[..]), 0..200)) {
        let _ = Pickle::read(&program);
    }
}
