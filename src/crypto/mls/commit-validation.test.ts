import { describe, expect, it } from 'vitest';
import { STAMP } from '../../testing/mls/device.ts';
import { forgeCommit, forgeKeyPackage, forgePath, signLeaf } from '../../testing/mls/forge.ts';
import { createDevice } from '../../testing/mls/small-group.ts';
import { add, commitOf, contextWith, FOUR, problem, problemOf, refused, remove } from '../../testing/mls/refusals.ts';
import { validateCommit } from './commit-validation.ts';
import { MlsError } from './error.ts';
import { requiredCapabilitiesExtension } from './extension.ts';
import { applyProposalList } from './proposal-list.ts';
import { createExternalInit } from './member/labelled-crypto.ts';
import { signFramedContent } from './member/message-protection.ts';
import { nodeRandom } from '../node-random.ts';
import { generateSealingKeyPair } from '../x25519.ts';
import type { MlsDevice } from '../../testing/mls/device.ts';
import type { ForgedCommit, PathChanges } from '../../testing/mls/forge.ts';
import type { AuthenticatedContent } from './authenticated-content.ts';
import type { UnsignedLeafNode } from './leaf-node.ts';
import type { Proposal } from './proposal.ts';
import type { HpkeCiphertext } from './update-path.ts';

const { ann, bob, carl, dora, eve, group, suite } = FOUR;
const place = { groupId: group.context.groupId, leafIndex: ann.member.ownLeaf };

describe('a commit (RFC 9420 sections 6.1, 12.4)', () => {
  it('is accepted when nothing is wrong with it', () => {
    expect(refused(commitOf({}))).toBeNull();
    expect(refused(commitOf({ proposals: [add(eve)], path: null }))).toBeNull();
  });

  it('is of the group and its epoch', () => {
    expect(refused(commitOf({ groupId: nodeRandom(16) }))).toEqual(problem('wrong_group', 'another group'));
    const { epoch } = group.context;
    expect(refused(commitOf({ epoch: epoch - 1n }))).toEqual(problem('stale_epoch', 'is over'));
    expect(refused(commitOf({ epoch: epoch + 1n }))).toEqual(problem('future_epoch', 'has not begun'));
    const closed = { ...group, reinit: { groupId: nodeRandom(8), version: 1, cipherSuite: 3, extensions: [] } };
    expect(refused(commitOf({}), {}, closed)).toEqual(problem('bad_state', 'ReInit'));
  });

  it('is signed by a member', () => {
    const signedByBob = forgeCommit(bob, group, { sender: { type: 'member', leafIndex: ann.member.ownLeaf } });
    expect(refused(signedByBob)).toEqual(problem('bad_signature', 'signature of the commit'));
    expect(refused(commitOf({ sender: { type: 'member', leafIndex: 4 } }))).toEqual(
      problem('bad_sender', 'not a member'),
    );
    expect(refused(commitOf({ sender: { type: 'external', senderIndex: 0 } }))).toEqual(
      problem('bad_sender', 'Only members'),
    );
    const commit = commitOf({});
    expect(refused({ ...commit, wireFormat: 'private_message' })).toEqual(problem('bad_signature', 'signature'));
  });

  it('is a commit, and has a path where one is required', () => {
    const { content, ...rest } = commitOf({});
    const application = { ...content, content: { type: 'application', data: new Uint8Array(0) } as const };
    expect(refused({ ...rest, content: application })).toEqual(problem('malformed', 'not a commit'));
    for (const proposals of [
      [],
      [remove(1)],
      [add(eve), remove(1)],
      [{ type: 'group_context_extensions', extensions: [] } as const],
    ]) {
      expect(refused(commitOf({ proposals, path: null }))).toEqual(problem('bad_path', 'must have a path'));
    }
  });

  it('follows the rules of the application', () => {
    const checkCommit = (): void => {
      throw new MlsError('forbidden', 'Only admins add.');
    };
    expect(refused(commitOf({}), { checkCommit })).toEqual(problem('forbidden', 'Only admins add.'));
    expect(problemOf(() => validateCommit(group, commitOf({}), { ...contextWith(), rules: 99 }))).toEqual(
      problem('bad_state', 'Rules version 99'),
    );
  });
});

describe('a list of proposals (RFC 9420 section 12.2)', () => {
  const inGroup = (...sourced: Parameters<typeof applyProposalList>[1]): unknown =>
    problemOf(() => applyProposalList(group, sourced, { type: 'member', leafIndex: 0 }, contextWith()));
  const by = (leafIndex: number, proposal: Proposal): Parameters<typeof applyProposalList>[1][number] => ({
    proposal,
    sender: { type: 'member', leafIndex },
  });
  const update = (
    device: MlsDevice,
    change: (leaf: UnsignedLeafNode) => UnsignedLeafNode = (leaf) => leaf,
  ): Proposal => {
    const { leafAt } = { leafAt: group.tree.leafAt(device.member.ownLeaf)! };
    const fresh = {
      ...leafAt,
      encryptionKey: generateSealingKeyPair(nodeRandom).publicKey,
      source: { type: 'update' } as const,
    };
    const at = { groupId: group.context.groupId, leafIndex: device.member.ownLeaf };
    return { type: 'update', leafNode: signLeaf(device, change(fresh), at) };
  };

  it('takes updates of others', () => {
    expect(inGroup(by(1, update(bob)), by(2, update(carl)))).toBeNull();
  });

  it('has no update or removal of the committer', () => {
    expect(inGroup(by(0, update(ann)))).toEqual(problem('bad_proposal_list', 'updates itself by the path'));
    expect(inGroup(by(1, remove(0)))).toEqual(problem('bad_proposal_list', 'cannot remove itself'));
  });

  it('changes a leaf once, and removes only members', () => {
    expect(inGroup(by(0, remove(1)), by(2, remove(1)))).toEqual(problem('bad_proposal_list', 'same leaf'));
    expect(inGroup(by(1, update(bob)), by(0, remove(1)))).toEqual(problem('bad_proposal_list', 'same leaf'));
    expect(inGroup(by(1, update(bob)), by(1, update(bob)))).toEqual(problem('bad_proposal_list', 'same leaf'));
    expect(inGroup(by(0, remove(7)))).toEqual(problem('bad_proposal_list', 'nobody to remove'));
  });

  it('adds a client once, and nobody who is there', () => {
    expect(inGroup(by(0, add(eve)), by(0, add(eve)))).toEqual(problem('bad_leaf_node', 'same signature key'));
    expect(inGroup(by(0, add(bob)))).toEqual(problem('bad_leaf_node', 'same signature key'));
    expect(inGroup(by(0, add(bob)), by(0, remove(bob.member.ownLeaf)))).toBeNull();
  });

  it('adds no key that is in the tree, in a leaf or in a parent', () => {
    const keys = [group.tree.leafAt(2)!.encryptionKey, group.tree.parentAt(group.tree.root)!.encryptionKey];
    for (const encryptionKey of keys) {
      const keyPackage = forgeKeyPackage(eve, undefined, (leaf) => ({ ...leaf, encryptionKey }));
      expect(inGroup(by(0, { type: 'add', keyPackage }))).toEqual(problem('bad_leaf_node', 'in the tree twice'));
    }
  });

  it('has each pre-shared key once, with a nonce of the right length and for this group', () => {
    const psk = { type: 'external', id: Uint8Array.of(1), nonce: nodeRandom(32) } as const;
    expect(inGroup(by(0, { type: 'psk', psk }))).toBeNull();
    expect(inGroup(by(0, { type: 'psk', psk }), by(1, { type: 'psk', psk }))).toEqual(
      problem('bad_proposal_list', 'proposed twice'),
    );
    expect(inGroup(by(0, { type: 'psk', psk: { ...psk, nonce: nodeRandom(31) } }))).toEqual(
      problem('bad_proposal_list', 'wrong length'),
    );
    for (const usage of ['reinit', 'branch'] as const) {
      const link = { type: 'resumption', usage, groupId: nodeRandom(4), epoch: 0n, nonce: nodeRandom(32) } as const;
      expect(inGroup(by(0, { type: 'psk', psk: link }))).toEqual(problem('bad_proposal_list', 'resumption key'));
    }
  });

  it('replaces the extensions once, by ones that every member supports', () => {
    const none: Proposal = { type: 'group_context_extensions', extensions: [] };
    expect(inGroup(by(0, none), by(1, none))).toEqual(problem('bad_proposal_list', 'replaced twice'));
    const unknown: Proposal = {
      type: 'group_context_extensions',
      extensions: [{ type: 0xff00, data: new Uint8Array(0) }],
    };
    expect(inGroup(by(0, unknown))).toEqual(problem('bad_leaf_node', "group's extension"));
    const required = (credentials: number[], extensions: number[] = [], proposals: number[] = []): Proposal => ({
      type: 'group_context_extensions',
      extensions: [requiredCapabilitiesExtension({ extensions, proposals, credentials })],
    });
    expect(inGroup(by(0, required([1], [1, 5], [1, 7])))).toBeNull();
    expect(inGroup(by(0, required([2])))).toEqual(problem('bad_leaf_node', 'group requires'));
    expect(inGroup(by(0, required([1], [0xff00])))).toEqual(problem('bad_leaf_node', 'group requires'));
    expect(inGroup(by(0, required([1], [], [0xff00])))).toEqual(problem('bad_leaf_node', 'group requires'));
    const malformed: Proposal = { type: 'group_context_extensions', extensions: [{ type: 3, data: Uint8Array.of(9) }] };
    expect(inGroup(by(0, malformed))).toEqual(problem('malformed', 'end too early'));
  });

  it('has a ReInit alone, and not to an older version', () => {
    const reinit = { type: 'reinit', groupId: nodeRandom(8), version: 1, cipherSuite: 3, extensions: [] } as const;
    expect(inGroup(by(0, reinit))).toBeNull();
    expect(inGroup(by(0, reinit), by(0, add(eve)))).toEqual(problem('bad_proposal_list', 'stands alone'));
    expect(inGroup(by(0, { ...reinit, version: 0 }))).toEqual(problem('bad_proposal_list', 'older version'));
  });

  it('has no ExternalInit in a commit of a member', () => {
    expect(inGroup(by(0, { type: 'external_init', kemOutput: nodeRandom(32) }))).toEqual(
      problem('bad_proposal_list', 'external commits only'),
    );
  });

  it('takes from outside only what outsiders may propose', () => {
    const external = { type: 'external', senderIndex: 0 } as const;
    expect(inGroup({ sender: external, proposal: remove(1) })).toBeNull();
    expect(inGroup({ sender: external, proposal: update(bob) })).toEqual(
      problem('bad_sender', 'cannot propose update'),
    );
    expect(inGroup({ sender: { type: 'new_member_proposal' }, proposal: remove(1) })).toEqual(
      problem('bad_sender', 'only propose to be added'),
    );
  });

  it('has updates with a fresh key, of source update, by the same client', () => {
    const old = group.tree.leafAt(bob.member.ownLeaf)!;
    expect(
      inGroup(
        by(
          1,
          update(bob, (leaf) => ({ ...leaf, encryptionKey: old.encryptionKey })),
        ),
      ),
    ).toEqual(problem('bad_leaf_node', 'keeps its encryption key'));
    const wrongSource = update(bob, (leaf) => ({
      ...leaf,
      source: { type: 'commit', parentHash: new Uint8Array(32) },
    }));
    expect(inGroup(by(1, wrongSource))).toEqual(problem('bad_leaf_node', 'source is commit'));
    const strange = (): unknown =>
      applyProposalList(
        group,
        [by(1, update(bob))],
        { type: 'member', leafIndex: 0 },
        contextWith({ mayReplace: () => false }),
      );
    expect(problemOf(strange)).toEqual(problem('bad_leaf_node', 'another client'));
  });
});

describe('a key package (RFC 9420 section 10.1)', () => {
  const adding = (keyPackage: Extract<Proposal, { type: 'add' }>['keyPackage'], rules = {}): unknown =>
    refused(commitOf({ proposals: [{ type: 'add', keyPackage }], path: null }), rules);
  const changed = (change: Parameters<typeof forgeKeyPackage>[1]): unknown => adding(forgeKeyPackage(eve, change));
  const withLeaf = (change: Parameters<typeof forgeKeyPackage>[2], rules = {}): unknown =>
    adding(forgeKeyPackage(eve, undefined, change), rules);

  it('is of the version and suite of the group', () => {
    expect(changed((keyPackage) => ({ ...keyPackage, version: 2 }))).toEqual(problem('bad_key_package', 'version'));
    expect(changed((keyPackage) => ({ ...keyPackage, cipherSuite: 1 }))).toEqual(problem('bad_key_package', 'suite'));
  });

  it('is signed, and so is its leaf', () => {
    const good = eve.createKeyPackage().keyPackage;
    expect(adding({ ...good, signature: good.leafNode.signature })).toEqual(
      problem('bad_key_package', 'signature of the key package'),
    );
    const leafNode = { ...good.leafNode, signature: good.signature };
    expect(changed((keyPackage) => ({ ...keyPackage, leafNode }))).toEqual(
      problem('bad_key_package', 'signature of the leaf'),
    );
  });

  it('has signatures that are not checked again when it was verified before', () => {
    const good = eve.createKeyPackage().keyPackage;
    const isVerifiedKeyPackage = (): boolean => true;
    expect(adding({ ...good, signature: good.leafNode.signature }, { isVerifiedKeyPackage })).toBeNull();
  });

  it('has an init key of its own that something can be encrypted to', () => {
    expect(changed((keyPackage) => ({ ...keyPackage, initKey: keyPackage.leafNode.encryptionKey }))).toEqual(
      problem('bad_key_package', 'init key is the encryption key'),
    );
    expect(changed((keyPackage) => ({ ...keyPackage, initKey: new Uint8Array(32) }))).toEqual(
      problem('bad_key_package', 'init key'),
    );
  });

  it('supports the extensions of its leaf, and may itself have some that nobody knows (GREASE, section 13.5)', () => {
    const extensions = [{ type: 0xdada, data: new Uint8Array(0) }];
    expect(changed((keyPackage) => ({ ...keyPackage, extensions }))).toBeNull();
    expect(withLeaf((leaf) => ({ ...leaf, extensions }))).toEqual(problem('bad_key_package', 'extension 56026'));
  });

  it('has a leaf of source key_package, with capabilities for the group', () => {
    expect(withLeaf((leaf) => ({ ...leaf, source: { type: 'commit', parentHash: new Uint8Array(32) } }))).toEqual(
      problem('bad_key_package', 'source is commit'),
    );
    const without = (field: 'versions' | 'cipherSuites' | 'credentials'): unknown =>
      withLeaf((leaf) => ({ ...leaf, capabilities: { ...leaf.capabilities, [field]: [] } }));
    expect(without('versions')).toEqual(problem('bad_key_package', 'MLS 1.0'));
    expect(without('cipherSuites')).toEqual(problem('bad_key_package', 'cipher suite'));
    expect(without('credentials')).toEqual(problem('bad_key_package', 'own credential'));
    expect(withLeaf((leaf) => ({ ...leaf, encryptionKey: new Uint8Array(32) }))).toEqual(
      problem('bad_key_package', 'encrypted to the leaf'),
    );
  });

  it('has a lifetime that includes the stamp and is not too long', () => {
    const lasting = (notBefore: bigint, notAfter: bigint, rules = {}): unknown =>
      withLeaf((leaf) => ({ ...leaf, source: { type: 'key_package', lifetime: { notBefore, notAfter } } }), rules);
    const now = STAMP.nowSeconds;
    expect(lasting(now, now)).toBeNull();
    expect(lasting(now + 1n, now + 2n)).toEqual(problem('bad_key_package', 'does not include now'));
    expect(lasting(now - 2n, now - 1n)).toEqual(problem('bad_key_package', 'does not include now'));
    expect(lasting(now - 50n, now + 50n, { lifetimeSecondsMax: 100n })).toBeNull();
    expect(lasting(now - 51n, now + 50n, { lifetimeSecondsMax: 100n })).toEqual(problem('bad_key_package', 'too long'));
  });

  it('has a credential that the application believes and every member understands', () => {
    expect(adding(eve.createKeyPackage().keyPackage, { authenticate: () => false })).toEqual(
      problem('bad_key_package', 'credential is not valid'),
    );
    const x509 = { type: 'x509', certificates: [] } as const;
    const both = { versions: [1], cipherSuites: [3], extensions: [], proposals: [], credentials: [1, 2] };
    expect(withLeaf((leaf) => ({ ...leaf, credential: x509, capabilities: both }))).toEqual(
      problem('bad_leaf_node', 'A member does not support the credential'),
    );
    expect(withLeaf((leaf) => ({ ...leaf, credential: x509, capabilities: { ...both, credentials: [2] } }))).toEqual(
      problem('bad_leaf_node', 'which are in use'),
    );
  });
});

describe('a path (RFC 9420 sections 7.3, 7.5, 7.9.2, 12.4.2)', () => {
  const withPath = (changes: Parameters<typeof forgePath>[3]): unknown =>
    refused(commitOf({ path: forgePath(ann, group, ann.member.ownLeaf, changes) }));

  it('has a fresh leaf of source commit, signed for its place', () => {
    const old = group.tree.leafAt(0)!;
    expect(withPath({ leaf: (leaf) => ({ ...leaf, encryptionKey: old.encryptionKey }) })).toEqual(
      problem('bad_leaf_node', 'keeps its encryption key'),
    );
    expect(withPath({ leaf: (leaf) => ({ ...leaf, source: { type: 'update' } }) })).toEqual(
      problem('bad_leaf_node', 'source is update'),
    );
    expect(withPath({ place: { groupId: nodeRandom(16) } })).toEqual(problem('bad_leaf_node', 'signature of the leaf'));
    expect(withPath({ place: { leafIndex: 1 } })).toEqual(problem('bad_leaf_node', 'signature of the leaf'));
  });

  it('has the parent hash of its keys', () => {
    const parentHash = nodeRandom(32);
    expect(withPath({ leaf: (leaf) => ({ ...leaf, source: { type: 'commit', parentHash } }) })).toEqual(
      problem('bad_path', 'parent hash'),
    );
    const { publicKey } = generateSealingKeyPair(nodeRandom);
    const withOtherKey = withPath({
      nodes: ([first, ...rest]) => [{ ...first!, encryptionKey: publicKey }, ...rest],
    });
    expect(withOtherKey).toEqual(problem('bad_path', 'parent hash'));
  });

  it('has one node per filtered ancestor and one ciphertext per receiver', () => {
    expect(withPath({ nodes: (nodes) => nodes.slice(1) })).toEqual(
      problem('bad_path', 'one node per filtered ancestor'),
    );
    expect(withPath({ nodes: (nodes) => [...nodes, nodes[0]!] })).toEqual(problem('bad_path', 'key twice'));
    const counted = (change: (list: readonly never[]) => readonly never[]): unknown =>
      withPath({
        nodes: (nodes) =>
          nodes.map((node) => ({ ...node, encryptedPathSecrets: change(node.encryptedPathSecrets as never) })),
      });
    expect(counted((list) => list.slice(1))).toEqual(problem('bad_path', 'one ciphertext per node'));
    expect(counted((list) => [...list, list[0]!])).toEqual(problem('bad_path', 'one ciphertext per node'));
  });

  it('has ciphertexts of the form that receivers can open', () => {
    const spoil = (change: (ciphertext: HpkeCiphertext) => HpkeCiphertext): AuthenticatedContent => {
      const nodes: PathChanges['nodes'] = ([first, ...rest]) => [
        { ...first!, encryptedPathSecrets: first!.encryptedPathSecrets.map(change) },
        ...rest,
      ];
      return commitOf({ path: forgePath(ann, group, 0, { nodes }) });
    };
    expect(refused(spoil((unchanged) => unchanged))).toBeNull();
    for (const change of [
      ({ kemOutput, ciphertext }: HpkeCiphertext) => ({ kemOutput, ciphertext: ciphertext.subarray(1) }),
      ({ kemOutput, ciphertext }: HpkeCiphertext) => ({ kemOutput: kemOutput.subarray(1), ciphertext }),
      ({ ciphertext }: HpkeCiphertext) => ({ kemOutput: new Uint8Array(32), ciphertext }),
    ]) {
      expect(refused(spoil(change))).toEqual(problem('bad_path', 'not the form'));
    }
  });

  it('has a confirmation tag of the right length', () => {
    const { auth, ...message } = commitOf({});
    const confirmationTag = auth.confirmationTag!.subarray(1);
    expect(refused({ ...message, auth: { ...auth, confirmationTag } })).toEqual(problem('malformed', 'wrong length'));
  });

  it('brings no key that is there, twice, or useless', () => {
    const keyed = (encryptionKey: Uint8Array): unknown =>
      withPath({ nodes: ([first, ...rest]) => [{ ...first!, encryptionKey }, ...rest] });
    expect(keyed(group.tree.leafAt(3)!.encryptionKey)).toEqual(problem('bad_path', 'in the tree already'));
    expect(keyed(group.tree.parentAt(group.tree.root)!.encryptionKey)).toEqual(
      problem('bad_path', 'in the tree already'),
    );
    expect(keyed(new Uint8Array(32))).toEqual(problem('bad_path', 'Nothing can be encrypted'));
    expect(
      withPath({ nodes: ([first, second]) => [first!, { ...second!, encryptionKey: first!.encryptionKey }] }),
    ).toEqual(problem('bad_path', 'key twice'));
    const parent = group.tree.parentAt(group.tree.root)!.encryptionKey;
    expect(withPath({ leaf: (leaf) => ({ ...leaf, encryptionKey: parent }) })).toEqual(
      problem('bad_path', 'in the tree already'),
    );
  });

  it("takes nobody else's signature key", () => {
    const bobs = group.tree.leafAt(bob.member.ownLeaf)!.signatureKey;
    const stolen = forgePath(ann, group, 0, { leaf: (leaf) => ({ ...leaf, signatureKey: bobs }) });
    const leafNode = signLeaf(bob, stolen.leafNode, place);
    expect(refused(commitOf({ path: { ...stolen, leafNode } }))).toEqual(
      problem('bad_leaf_node', 'same signature key'),
    );
  });
});

describe('an external commit (RFC 9420 sections 12.2, 12.4.3.2)', () => {
  const sender = { type: 'new_member_commit' } as const;
  const externalInit = (): Proposal => {
    const { publicKey } = generateSealingKeyPair(nodeRandom);
    return { type: 'external_init', kemOutput: createExternalInit(suite, publicKey, nodeRandom).kemOutput };
  };
  const joined = (device: MlsDevice, forged: ForgedCommit, removes: number | null = null): AuthenticatedContent => {
    const tree = group.tree.clone();
    if (removes !== null) tree.remove(removes);
    const at = tree.takeBlankLeaf();
    const path = forged.path === undefined ? forgePath(device, group, at, {}, tree) : forged.path;
    return forgeCommit(device, group, { sender, ...forged, path });
  };

  it('is accepted from a newcomer, and in the place of an own leaf', () => {
    expect(refused(joined(eve, { proposals: [externalInit()] }))).toBeNull();
    const leaf = bob.member.ownLeaf;
    expect(refused(joined(bob, { proposals: [externalInit(), remove(leaf)] }, leaf))).toBeNull();
  });

  it('has one ExternalInit, at most one Remove, and nothing else', () => {
    expect(refused(joined(eve, { proposals: [] }))).toEqual(problem('bad_proposal_list', 'one ExternalInit, not 0'));
    expect(refused(joined(eve, { proposals: [externalInit(), externalInit()] }))).toEqual(
      problem('bad_proposal_list', 'one ExternalInit, not 2'),
    );
    expect(refused(joined(eve, { proposals: [externalInit(), remove(1), remove(2)] }))).toEqual(
      problem('bad_proposal_list', 'at most one leaf'),
    );
    expect(refused(joined(eve, { proposals: [externalInit(), add(createDevice('mallory'))] }))).toEqual(
      problem('bad_proposal_list', 'cannot contain add'),
    );
  });

  it('has an ExternalInit that members can open', () => {
    for (const kemOutput of [new Uint8Array(0), new Uint8Array(32)]) {
      expect(refused(joined(eve, { proposals: [{ type: 'external_init', kemOutput }] }))).toEqual(
        problem('bad_proposal_list', 'of no use'),
      );
    }
  });

  it('has a path, no references, and is public', () => {
    expect(refused(joined(eve, { proposals: [externalInit()], path: null }))).toEqual(
      problem('bad_path', 'must have a path'),
    );
    expect(refused(joined(eve, { proposals: [externalInit()], references: [nodeRandom(32)] }))).toEqual(
      problem('bad_proposal_list', 'cannot refer'),
    );
    expect(refused(joined(eve, { proposals: [externalInit()], wireFormat: 'private_message' }))).toEqual(
      problem('bad_sender', 'cannot send private'),
    );
  });

  it('replaces only a leaf that the application lets the joiner replace', () => {
    const taken = joined(eve, { proposals: [externalInit(), remove(2)] }, 2);
    expect(refused(taken, { mayReplace: () => false })).toEqual(problem('bad_leaf_node', 'another client'));
  });

  it('is signed with the key of its leaf', () => {
    const commit = joined(eve, { proposals: [externalInit()] });
    const { wireFormat, content } = commit;
    const { secretKey } = dora.identity.signingKey;
    const signature = signFramedContent(suite, secretKey, { wireFormat, content, context: group.context });
    expect(refused({ ...commit, auth: { ...commit.auth, signature } })).toEqual(problem('bad_signature', 'signature'));
  });
});
