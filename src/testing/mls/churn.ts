import { bytesToHex } from '@noble/hashes/utils.js';
import { equalBytes } from '../../crypto/bytes.ts';
import { contentOfPublicMessage } from '../../crypto/mls/public-message.ts';
import { acceptProposal } from '../../crypto/mls/proposal-message.ts';
import { validateCommit } from '../../crypto/mls/commit-validation.ts';
import { MlsError } from '../../crypto/mls/error.ts';
import { createLeafNode } from '../../crypto/mls/member/client-identity.ts';
import { foundGroup } from '../../crypto/mls/member/epoch-state.ts';
import { createGroupInfo } from '../../crypto/mls/member/group-info-builder.ts';
import { joinByExternalCommit } from '../../crypto/mls/member/join-by-external-commit.ts';
import { protectPublic } from '../../crypto/mls/member/message-protection.ts';
import { readMlsMessage } from '../../crypto/mls/mls-message.ts';
import { observeCommit } from '../../crypto/mls/observer/observe-commit.ts';
import { observerChanges, readObserverRecords } from '../../crypto/mls/observer/observer-records.ts';
import { observeFounding } from '../../crypto/mls/observer/observe-group.ts';
import { decode } from '../../crypto/mls/tls-reader.ts';
import { treeHash } from '../../crypto/mls/tree-hash.ts';
import { RatchetTree } from '../../crypto/mls/ratchet-tree.ts';
import { ANY_APPLICATION } from '../../crypto/mls/validation-context.ts';
import { generateKemKeyPair } from '../../crypto/kem.ts';
import { Attacker } from './attacker.ts';
import { LIFETIME, MlsDevice, STAMP } from './device.ts';
import { SeededRandom } from './seeded-random.ts';
import type { AppliedCommit } from '../../crypto/mls/applied-commit.ts';
import type { KeyPackageBundle } from '../../crypto/mls/member/client-identity.ts';
import type { MemberEnvironment } from '../../crypto/mls/member/environment.ts';
import type { MemberSuite } from '../../crypto/mls/member/primitives.ts';
import type { OwnCommit } from '../../crypto/mls/member/write-message.ts';
import type { MlsMessage } from '../../crypto/mls/mls-message.ts';
import type { Proposal } from '../../crypto/mls/proposal.ts';
import type { PublicGroup } from '../../crypto/mls/public-group.ts';
import type { ValidationContext } from '../../crypto/mls/validation-context.ts';
import type { Disk } from './device.ts';

export interface ChurnOptions {
  readonly seed: number;
  readonly suite: MemberSuite;
  readonly membersMax: number;
  /** Rooms: proposals by value only. Otherwise also proposals by themselves, updates among them. */
  readonly isRoom: boolean;
}

interface Thief {
  readonly attacker: Attacker;
  /** The leaf it stole from; null once the theft is healed. */
  leaf: number | null;
  commitsLeft: number;
}

type Entry =
  | { readonly kind: 'handshake'; readonly message: MlsMessage }
  | { readonly kind: 'application'; readonly message: MlsMessage; readonly text: string; readonly from: string };

const MESSAGES_PER_RESERVATION = 4;
/** How long a removed member or a thief who lost access goes on trying. */
const COMMITS_WATCHED = 3;
const THIEVES_MAX = 3;

/** What happened, so that a test can say that nothing was left out. */
export type ChurnTally = Record<
  | 'commits'
  | 'joined'
  | 'removed'
  | 'external'
  | 'resyncs'
  | 'races'
  | 'late'
  | 'restarts'
  | 'copiesFound'
  | 'thefts'
  | 'followed'
  | 'lockedOut'
  | 'proposals',
  number
>;

/** A group under random change, with an observer and attackers beside it. Everything is checked after every commit. */
export class Churn {
  readonly tally: ChurnTally = {
    commits: 0,
    joined: 0,
    removed: 0,
    external: 0,
    resyncs: 0,
    races: 0,
    late: 0,
    restarts: 0,
    copiesFound: 0,
    thefts: 0,
    followed: 0,
    lockedOut: 0,
    proposals: 0,
  };
  readonly #options: ChurnOptions;
  readonly #random: SeededRandom;
  readonly #context: ValidationContext;
  readonly #log: Entry[] = [];
  readonly #devices: MlsDevice[] = [];
  readonly #oldCopies = new Map<MlsDevice, Disk>();
  #held: Entry[] = [];
  #thieves: Thief[] = [];
  /** Every generation that was ever used, and whether its message got into the log. */
  readonly #used = new Map<string, { readonly device: MlsDevice; isLogged: boolean }>();
  readonly #drawn = new Set<string>();
  #observer: PublicGroup;
  #observerRecords = new Map<string, Uint8Array>();
  #names = 0;

  constructor(options: ChurnOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#context = { suite: options.suite, ...STAMP, application: ANY_APPLICATION };
    const founder = this.#newDevice();
    const { suite } = options;
    const group = { groupId: this.#random.bytes(16), extensions: [], lifetime: LIFETIME };
    founder.begin(foundGroup(suite, founder.identity, group, this.#random.bytes), 0);
    this.#devices.push(founder);
    const { tree } = founder.member.group;
    this.#observer = observeFounding(
      founder.member.createGroupInfo({}),
      new RatchetTree([tree.leafAt(0)]),
      this.#context,
    );
  }

  step(): void {
    const random = this.#random;
    if (random.chance(25)) this.#writeMessages();
    if (random.chance(15)) this.#crash(random.pick(this.#devices));
    if (random.chance(10)) this.#restoreOldCopy();
    if (random.chance(30)) this.#keepCopy(random.pick(this.#devices));
    if (random.chance(15) && this.#thieves.length < THIEVES_MAX) this.#steal(random.pick(this.#devices));
    if (!this.#options.isRoom && random.chance(40)) this.#propose();
    const roll = random.below(100);
    if (roll < 12) this.#external();
    else if (roll < 22 && this.#devices.length > 1) this.#race();
    else this.#commitAndAppend(random.pick(this.#devices), this.#proposals());
    if (random.chance(50)) this.#releaseHeld();
  }

  #newDevice(): MlsDevice {
    return new MlsDevice(`device ${this.#names++}`, this.#options.suite, this.#random.bytes);
  }

  /** An old copy is kept for a while: the older, the more it does not know. */
  #keepCopy(device: MlsDevice): void {
    if (!this.#oldCopies.has(device)) this.#oldCopies.set(device, device.copyOfDisk());
  }

  /** Adds and removes, or nothing: an update of the committer. */
  #proposals(): { readonly add: number; readonly remove: number } {
    const room = this.#options.membersMax - this.#devices.length;
    const kind = this.#random.below(4);
    const add = kind === 1 || kind === 3 ? Math.min(room, 1 + this.#random.below(3)) : 0;
    const most = Math.min(3, this.#devices.length - 1);
    const remove = most > 0 && (kind >= 2 || room === 0) ? 1 + this.#random.below(most) : 0;
    return { add: Math.max(0, add), remove };
  }

  #makeCommit(
    device: MlsDevice,
    { add, remove }: { readonly add: number; readonly remove: number },
  ): { readonly own: OwnCommit; readonly joiners: Map<MlsDevice, KeyPackageBundle> } {
    const joiners = new Map(
      Array.from({ length: add }, () => this.#newDevice()).map((joiner) => [joiner, joiner.createKeyPackage()]),
    );
    const others = this.#devices.filter((other) => other !== device);
    const proposals: Proposal[] = [
      ...this.#random
        .sample(others, remove)
        .map((other) => ({ type: 'remove', removed: other.member.ownLeaf }) as const),
      ...[...joiners.values()].map(({ keyPackage }) => ({ type: 'add', keyPackage }) as const),
    ];
    const pending = this.#observer.proposals.size > 0;
    const alwaysPath = this.#random.chance(70);
    // A proposal that came by itself may be about the same leaf; then only those are committed.
    const own = device.member.commit({ proposals: pending ? [] : proposals, alwaysPath }, STAMP);
    if (pending) joiners.clear();
    device.save(this.#log.length); // the staged commit is durable before it leaves
    return { own, joiners };
  }

  #commitAndAppend(device: MlsDevice, what: { readonly add: number; readonly remove: number }): void {
    const { own, joiners } = this.#makeCommit(device, what);
    if (this.#random.chance(10)) this.#crash(device); // between sending the commit and its echo
    this.#append(own, joiners);
  }

  /** Two members commit at once: the log takes the first. */
  #race(): void {
    const [first, second] = this.#random.sample(this.#devices, 2);
    const winner = this.#makeCommit(first!, this.#proposals());
    const loser = this.#makeCommit(second!, this.#proposals());
    this.tally.races++;
    this.#append(winner.own, winner.joiners);
    const late = decode(readMlsMessage, loser.own.commit);
    expectError('stale_epoch', () => this.#observe(late, loser.own));
  }

  #observe(message: MlsMessage, { welcome, groupInfo }: Omit<OwnCommit, 'commit'>): AppliedCommit {
    if (this.#options.isRoom)
      return observeCommit(this.#observer, { commit: message, welcome, groupInfo }, this.#context);
    if (message.format !== 'public_message') throw new Error(message.format);
    return validateCommit(this.#observer, contentOfPublicMessage(message.message), this.#context);
  }

  #append(own: OwnCommit, joiners: ReadonlyMap<MlsDevice, KeyPackageBundle>): void {
    const message = decode(readMlsMessage, own.commit);
    const applied = this.#observe(message, own);
    this.#follow(applied);
    const before = [...this.#devices];
    const states = new Map(before.map((device) => [device, device.member.parts.state]));
    this.#log.push({ kind: 'handshake', message });
    for (const device of before) this.#takeIn(device);
    for (const device of before.filter(({ group }) => group?.parts.isDiscarded)) {
      this.#devices.splice(this.#devices.indexOf(device), 1);
      this.#oldCopies.delete(device);
      const attacker = new Attacker(this.#options.suite, states.get(device)!);
      assert(!attacker.follow(applied), `${device.name} was removed and reads on`);
      this.#thieves.push({ attacker, leaf: null, commitsLeft: COMMITS_WATCHED });
      device.leave();
      this.tally.removed++;
    }
    const { tree } = this.#observer;
    for (const [joiner, keyPackage] of joiners) {
      joiner.join(own.welcome!, keyPackage, tree, this.#log.length);
      this.#devices.push(joiner);
      this.tally.joined++;
    }
    this.tally.commits++;
    this.#checkAgreement();
  }

  /** The observer takes the commit, and every attacker tries to. */
  #follow(applied: AppliedCommit): void {
    this.#expectFresh(applied);
    const { before, after } = applied.group;
    for (const [key, value] of observerChanges(this.tally.commits === 0 ? null : before, after)) {
      if (value === null) this.#observerRecords.delete(key);
      else this.#observerRecords.set(key, value);
    }
    this.#observer = after;
    for (const thief of this.#thieves) {
      const isHealing =
        (applied.committer === thief.leaf && applied.path !== null) ||
        applied.removed.includes(thief.leaf ?? -1) ||
        applied.updated.includes(thief.leaf ?? -1);
      if (isHealing) thief.leaf = null;
      const followed = thief.attacker.follow(applied);
      assert(followed === (thief.leaf !== null), `an attacker ${followed ? 'reads on' : 'lost access too early'}`);
      if (followed) this.tally.followed++;
      else this.tally.lockedOut++;
      thief.commitsLeft -= followed ? 0 : 1;
    }
    this.#thieves = this.#thieves.filter(({ commitsLeft }) => commitsLeft > 0);
  }

  /** No key and no encapsulation of a path was ever there before: each commit draws new randomness. */
  #expectFresh({ path, externalInit }: AppliedCommit): void {
    const nodes = path?.nodes ?? [];
    const drawn = [
      ...(path === null ? [] : [path.leafNode.encryptionKey]),
      ...nodes.flatMap(({ encryptionKey, encryptedPathSecrets }) => [
        encryptionKey,
        ...encryptedPathSecrets.map(({ kemOutput }) => kemOutput),
      ]),
      ...(externalInit === null ? [] : [externalInit]),
    ];
    for (const bytes of drawn) {
      const known = bytesToHex(bytes.subarray(-32));
      assert(!this.#drawn.has(known), 'a commit brings a key or an encapsulation that was there before');
      this.#drawn.add(known);
    }
  }

  #checkAgreement(): void {
    const { context, interimTranscriptHash } = this.#observer;
    const authenticators = new Set(this.#devices.map(({ member }) => member.epochAuthenticator.join()));
    assert(authenticators.size === 1, 'members disagree about the epoch authenticator');
    for (const { member, name } of this.#devices) {
      assert(member.epoch === context.epoch, `${name} is in epoch ${member.epoch}, not ${context.epoch}`);
      assert(equalBytes(member.group.context.treeHash, context.treeHash), `${name} has another tree`);
      assert(equalBytes(member.group.interimTranscriptHash, interimTranscriptHash), `${name} has another transcript`);
    }
    if (this.tally.commits % 25 !== 0) return;
    const restored = readObserverRecords(this.#observerRecords, this.#options.suite);
    const uncached = new RatchetTree(
      Array.from({ length: restored.tree.leafCount * 2 - 1 }, (_, node) => restored.tree.nodeAt(node)),
    );
    assert(equalBytes(treeHash(this.#options.suite, uncached), context.treeHash), 'the observer saved another tree');
    assert(equalBytes(restored.interimTranscriptHash, interimTranscriptHash), 'the observer saved another transcript');
  }

  /** Reads the log from the device's place on; an own message that the state does not know makes it join again. */
  #takeIn(device: MlsDevice): boolean {
    const { member } = device;
    try {
      for (let at = device.disk.cursor; at < this.#log.length; at++) {
        if (member.parts.isDiscarded) break;
        this.#takeEntry(device, this.#log[at]!);
        // Sometimes one save for many entries, so that a crash goes back far.
        if (this.#random.chance(60) || at === this.#log.length - 1) device.save(at + 1);
      }
    } catch (error) {
      if (!(error instanceof MlsError) || error.code !== 'restored_state') throw error;
      this.tally.copiesFound++;
      return false;
    }
    return true;
  }

  #takeEntry({ member, name }: MlsDevice, entry: Entry): void {
    if (entry.kind === 'handshake') {
      member.process(entry.message, STAMP);
      return;
    }
    let event;
    try {
      event = member.process(entry.message, STAMP);
    } catch (error) {
      // From before the device joined, or too long ago.
      if (error instanceof MlsError && error.code === 'stale_epoch') return;
      throw error;
    }
    if (event.kind === 'own')
      return assert(entry.from === name, `${name} takes a message of ${entry.from} for its own`);
    const text = event.kind === 'application' ? new TextDecoder().decode(event.data) : event.kind;
    assert(text === entry.text, `${name} reads ${text}, not ${entry.text}`);
  }

  #writeMessages(): void {
    if (this.#observer.proposals.size > 0) return;
    for (const device of this.#random.sample(this.#devices, 3)) {
      device.save(this.#log.length, MESSAGES_PER_RESERVATION);
      const entries = Array.from({ length: 1 + this.#random.below(MESSAGES_PER_RESERVATION) }, () =>
        this.#write(device),
      );
      if (this.#random.chance(15)) {
        this.#crash(device); // the messages never left
      } else if (this.#random.chance(40)) {
        this.#held.push(...entries);
        this.tally.late += entries.length;
      } else {
        this.#appendMessages(this.#random.sample(entries, entries.length));
      }
    }
  }

  #write(device: MlsDevice): Entry {
    const { epoch, ownLeaf, parts } = device.member;
    const { next } = parts.current.input.own.application;
    const key = `${epoch}/${ownLeaf}/${next}`;
    assert(!this.#used.has(key), `${device.name} uses generation ${next} twice in epoch ${epoch}`);
    this.#used.set(key, { device, isLogged: false });
    const text = `${device.name} ${key}`;
    const bytes = device.member.encrypt(new TextEncoder().encode(text), { paddingBytes: this.#random.below(40) });
    return { kind: 'application', message: decode(readMlsMessage, bytes), text, from: device.name };
  }

  #appendMessages(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.kind === 'application') {
        const used = this.#used.get(entry.text.slice(entry.from.length + 1));
        if (used !== undefined) used.isLogged = true;
      }
      this.#log.push(entry);
    }
    for (const device of this.#devices) this.#takeIn(device);
  }

  #releaseHeld(): void {
    const held = this.#random.sample(this.#held, this.#held.length);
    this.#held = [];
    this.#appendMessages(held);
  }

  /** Everything since the last save is gone. */
  #crash(device: MlsDevice): void {
    device.restart(device.copyOfDisk());
    expectError('bad_state', () => device.member.encrypt(new Uint8Array(1)));
    assert(this.#takeIn(device), `${device.name} does not know its own messages after a crash`);
    device.member.caughtUp();
    this.tally.restarts++;
  }

  /** Goes on from an old copy of the disk, when everything that was ever sent is in the log. */
  #restoreOldCopy(): void {
    const [device, copy] = this.#random.pick([...this.#oldCopies]) ?? [];
    if (device === undefined || copy === undefined || this.#devices.length === 1) return;
    this.#oldCopies.delete(device);
    this.#releaseHeld();
    for (const [key, used] of this.#used) if (used.device === device && !used.isLogged) this.#used.delete(key);
    const leaf = device.member.ownLeaf;
    device.restart({ records: new Map(copy.records), cursor: copy.cursor });
    if (this.#takeIn(device)) {
      device.member.caughtUp();
      return;
    }
    expectError('bad_state', () => device.member.caughtUp());
    this.#joinExternally(device, leaf);
    this.tally.resyncs++;
  }

  #steal(device: MlsDevice): void {
    const attacker = new Attacker(this.#options.suite, device.member.parts.state);
    this.#thieves.push({ attacker, leaf: device.member.ownLeaf, commitsLeft: COMMITS_WATCHED });
    this.tally.thefts++;
  }

  #external(): void {
    if (this.#random.chance(40) && this.#devices.length > 1) {
      const device = this.#random.pick(this.#devices);
      this.#joinExternally(device, device.member.ownLeaf);
      this.tally.resyncs++;
    } else if (this.#devices.length < this.#options.membersMax) {
      this.#joinExternally(this.#newDevice(), null);
    }
  }

  #joinExternally(device: MlsDevice, removes: number | null): void {
    const helpers = this.#devices.filter((other) => other !== device);
    assert(helpers.length > 0, `${device.name} was alone and lost its state: choose another seed`);
    const groupInfo = this.#random.pick(helpers).member.createGroupInfo({ withExternalPub: true });
    const { suite, random } = device.options;
    const environment: MemberEnvironment = { suite, random, validation: this.#context, findPsk: () => null };
    const { tree } = this.#observer;
    const join = { groupInfo, identity: device.identity, tree, removes, authenticatedData: new Uint8Array(0) };
    const built = joinByExternalCommit(join, environment);
    const key = { membershipKey: new Uint8Array(32), context: this.#observer.context };
    const message: MlsMessage = { format: 'public_message', message: protectPublic(suite, built.message, key) };
    const at = this.#devices.indexOf(device);
    if (at >= 0) this.#devices.splice(at, 1);
    this.#oldCopies.delete(device);
    const own = { welcome: null, groupInfo: createGroupInfo(suite, built.next.state, {}) };
    const applied = this.#observe(message, own);
    this.#follow(applied);
    this.#log.push({ kind: 'handshake', message });
    for (const other of this.#devices) this.#takeIn(other);
    device.begin(built.next, this.#log.length);
    this.#devices.push(device);
    this.tally.external++;
    this.tally.commits++;
    this.#checkAgreement();
  }

  /** A proposal by itself: an add, a remove, or an update of the sender. */
  #propose(): void {
    const device = this.#random.pick(this.#devices);
    const { member, options, identity } = device;
    const kind = this.#random.below(2);
    const others = this.#devices.filter((other) => other !== device);
    let proposal: Proposal;
    let keyPair = null;
    if (kind === 0 || others.length < 2) {
      keyPair = generateKemKeyPair(options.suite.kem, this.#random.bytes);
      const { groupId } = this.#observer.context;
      const leaf = { encryptionKey: keyPair.publicKey, source: { type: 'update' } } as const;
      const place = { groupId, leafIndex: member.ownLeaf };
      proposal = { type: 'update', leafNode: createLeafNode(options.suite, identity, leaf, place) };
    } else {
      proposal = { type: 'remove', removed: this.#random.pick(others).member.ownLeaf };
    }
    const bytes = member.propose(proposal, STAMP, keyPair);
    device.save(this.#log.length);
    const message = decode(readMlsMessage, bytes);
    if (message.format !== 'public_message') throw new Error(message.format);
    this.#observer = acceptProposal(this.#observer, contentOfPublicMessage(message.message), this.#context);
    this.#log.push({ kind: 'handshake', message });
    for (const other of this.#devices) this.#takeIn(other);
    this.tally.proposals++;
  }
}

function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

function expectError(code: string, run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (error instanceof MlsError && error.code === code) return;
    throw error;
  }
  throw new Error(`It should have been refused with ${code}.`);
}
