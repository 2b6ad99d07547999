import { randomBytes } from 'node:crypto';
import { cpuMs } from './cpu-time.ts';
import { signingKeyPairOf } from '../src/crypto/ed25519.ts';
import { DEFAULT_CAPABILITIES, HYBRID_CAPABILITIES } from '../src/crypto/mls/capabilities.ts';
import { HYBRID_SUITE, noblePublicSuite } from '../src/crypto/mls/cipher-suite.ts';
import { writeGroupInfo } from '../src/crypto/mls/group-info.ts';
import { createKeyPackage } from '../src/crypto/mls/member/client-identity.ts';
import { foundGroup } from '../src/crypto/mls/member/epoch-state.ts';
import { joinByWelcome } from '../src/crypto/mls/member/join-by-welcome.ts';
import { MemberGroup } from '../src/crypto/mls/member/member-group.ts';
import { memberSuite } from '../src/crypto/mls/member/primitives.ts';
import { readMlsMessage } from '../src/crypto/mls/mls-message.ts';
import { observeCommit } from '../src/crypto/mls/observer/observe-commit.ts';
import { observeFounding } from '../src/crypto/mls/observer/observe-group.ts';
import { observerChanges } from '../src/crypto/mls/observer/observer-records.ts';
import { writeRatchetTree } from '../src/crypto/mls/ratchet-tree.ts';
import { decode } from '../src/crypto/mls/tls-reader.ts';
import { encode } from '../src/crypto/mls/tls-writer.ts';
import { ANY_APPLICATION } from '../src/crypto/mls/validation-context.ts';
import { writeWelcome } from '../src/crypto/mls/welcome.ts';
import { nodePrimitives } from '../src/crypto/node-mls-primitives.ts';
import { nodeRandom } from '../src/crypto/node-random.ts';
import type { ClientIdentity, KeyPackageBundle } from '../src/crypto/mls/member/client-identity.ts';
import type { MemberSuite, MlsPrimitives } from '../src/crypto/mls/member/primitives.ts';
import type { OwnCommit } from '../src/crypto/mls/member/write-message.ts';
import type { Proposal } from '../src/crypto/mls/proposal.ts';
import type { PublicGroup } from '../src/crypto/mls/public-group.ts';
import type { ValidationContext } from '../src/crypto/mls/validation-context.ts';
import type { MemberOptions } from '../src/crypto/mls/member/member-options.ts';

const STAMP = { nowSeconds: null, rules: 1 };
const LIFETIME = { notBefore: 0n, notAfter: 2n ** 60n };
const ADDS_PER_COMMIT = 64;

interface Device {
  readonly identity: ClientIdentity;
  readonly bundle: KeyPackageBundle;
}

export interface UpdateCost {
  readonly commitMs: number;
  readonly commitBytes: number;
  readonly processMs: number;
  readonly observeMs: number;
  readonly observerRecords: number;
}

export interface AddCost {
  readonly addMs: number;
  readonly welcomeBytes: number;
  readonly groupInfoBytes: number;
  readonly joinMs: number;
}

/**
 * A large group of which only the founder and an observer really take part. Any other member can commit all the same,
 * since that takes the epoch's secrets, which all members share, and the signing key.
 */
export class MlsBenchGroup {
  readonly devices: number;
  readonly #suite: MemberSuite;
  readonly #founder: MemberGroup;
  readonly #members = new Map<number, Device>();
  #observer: PublicGroup;

  constructor(suiteId: number, devices: number) {
    this.devices = devices;
    this.#suite = memberSuite(suiteId, nodePrimitives);
    this.#founder = found(this.#suite);
    const info = this.#founder.createGroupInfo({});
    this.#observer = observeFounding(info, this.#founder.group.tree.clone(), this.#validation());
    for (let left = devices - 1; left > 0; left -= ADDS_PER_COMMIT) this.#add(Math.min(left, ADDS_PER_COMMIT));
  }

  /** Two members that really take part. */
  static pair(suiteId: number, primitives: MlsPrimitives): [MemberGroup, MemberGroup] {
    const suite = memberSuite(suiteId, primitives);
    const founder = found(suite);
    const { identity, bundle } = newDevice(suite);
    const { commit, welcome } = founder.commit({ proposals: [addOf(bundle)] }, STAMP);
    founder.process(decode(readMlsMessage, commit), STAMP);
    const { tree } = founder.group;
    const options = optionsOf(suite);
    const validation = { suite, ...STAMP, application: ANY_APPLICATION };
    const environment = { ...options, validation, findPsk: () => null };
    const epoch = joinByWelcome({ welcome: welcome!, keyPackages: [bundle], identity, tree }, environment);
    return [founder, MemberGroup.begin(options, epoch)];
  }

  get treeBytes(): number {
    return encode(writeRatchetTree, this.#founder.group.tree).length;
  }

  /** Every second device commits once, as in a room that has been in use. */
  settle(): void {
    for (const leafIndex of [...this.#members.keys()].filter((leaf) => leaf % 2 === 0)) {
      this.#take(this.#as(leafIndex).commit({}, STAMP));
    }
  }

  /** Somebody renews their keys. */
  update(): UpdateCost {
    const leaves = [...this.#members.keys()];
    const committer = this.#as(leaves[randomBytes(4).readUInt32LE() % leaves.length]!);
    const startedAt = cpuMs();
    const own = committer.commit({}, STAMP);
    const commitMs = cpuMs() - startedAt;
    return { commitMs, commitBytes: own.commit.length, ...this.#take(own) };
  }

  /** One more device joins, and is removed again. */
  addAndRemove(): AddCost {
    const { identity, bundle } = newDevice(this.#suite);
    const addedAt = cpuMs();
    const own = this.#founder.commit({ proposals: [addOf(bundle)] }, STAMP);
    const addMs = cpuMs() - addedAt;
    this.#take(own);
    const welcome = own.welcome!;
    const { tree } = this.#founder.group;
    const environment = { ...optionsOf(this.#suite), validation: this.#validation(), findPsk: () => null };
    const joinedAt = cpuMs();
    const { state } = joinByWelcome({ welcome, keyPackages: [bundle], identity, tree }, environment);
    const joinMs = cpuMs() - joinedAt;
    this.#take(this.#founder.commit({ proposals: [{ type: 'remove', removed: state.ownLeaf }] }, STAMP));
    return {
      addMs,
      joinMs,
      welcomeBytes: encode(writeWelcome, welcome).length,
      groupInfoBytes: encode(writeGroupInfo, own.groupInfo).length,
    };
  }

  #add(count: number): void {
    const added = Array.from({ length: count }, () => newDevice(this.#suite));
    this.#take(this.#founder.commit({ proposals: added.map(({ bundle }) => addOf(bundle)) }, STAMP));
    for (const device of added) this.#members.set(this.#members.size + 1, device);
  }

  /** The founder and the observer take a commit. */
  #take({ commit, welcome, groupInfo }: OwnCommit): Omit<UpdateCost, 'commitMs' | 'commitBytes'> {
    const message = decode(readMlsMessage, commit);
    const processedAt = cpuMs();
    this.#founder.process(message, STAMP);
    const observedAt = cpuMs();
    // As a node does it in apply(): in JavaScript, the same on every machine; key packages were verified before.
    const application = { ...ANY_APPLICATION, isVerifiedKeyPackage: () => true };
    const context = { suite: noblePublicSuite(this.#suite.id), ...STAMP, application };
    const before = this.#observer;
    this.#observer = observeCommit(before, { commit: message, welcome, groupInfo }, context).group.after;
    const observeMs = cpuMs() - observedAt;
    const observerRecords = observerChanges(before, this.#observer).size;
    return { processMs: observedAt - processedAt, observeMs, observerRecords };
  }

  /** A member as it would be if it had followed the group: with the epoch's secrets and its own leaf's key. */
  #as(leafIndex: number): MemberGroup {
    const { identity } = this.#members.get(leafIndex)!;
    const { parts } = this.#founder;
    const state = { ...parts.state, identity, ownLeaf: leafIndex, privateKeys: new Map() };
    return new MemberGroup(optionsOf(this.#suite), { ...parts, state });
  }

  #validation(): ValidationContext {
    return { suite: this.#suite, ...STAMP, application: ANY_APPLICATION };
  }
}

function optionsOf(suite: MemberSuite): MemberOptions {
  return { suite, random: nodeRandom, application: ANY_APPLICATION };
}

function newIdentity({ id }: MemberSuite): ClientIdentity {
  return {
    signingKey: signingKeyPairOf(nodeRandom(32), nodePrimitives.ed25519),
    credential: { type: 'basic', identity: nodeRandom(16) },
    capabilities: id === HYBRID_SUITE ? HYBRID_CAPABILITIES : DEFAULT_CAPABILITIES,
    leafExtensions: [],
  };
}

function newDevice(suite: MemberSuite): Device {
  const identity = newIdentity(suite);
  return { identity, bundle: createKeyPackage(suite, identity, { lifetime: LIFETIME }, nodeRandom) };
}

function addOf({ keyPackage }: KeyPackageBundle): Proposal {
  return { type: 'add', keyPackage };
}

function found(suite: MemberSuite): MemberGroup {
  const options = { groupId: nodeRandom(16), extensions: [], lifetime: LIFETIME };
  return MemberGroup.begin(optionsOf(suite), foundGroup(suite, newIdentity(suite), options, nodeRandom));
}
