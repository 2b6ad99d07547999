import { HYBRID_SUITE } from '../../crypto/mls/cipher-suite.ts';
import { MemberGroup } from '../../crypto/mls/member/member-group.ts';
import { createKeyPackage } from '../../crypto/mls/member/client-identity.ts';
import { GroupRecords } from '../../crypto/mls/member/group-records.ts';
import { joinByWelcome } from '../../crypto/mls/member/join-by-welcome.ts';
import { DEFAULT_CAPABILITIES, HYBRID_CAPABILITIES } from '../../crypto/mls/capabilities.ts';
import { ANY_APPLICATION } from '../../crypto/mls/validation-context.ts';
import { signingKeyPairOf } from '../../crypto/ed25519.ts';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import type { ClientIdentity, KeyPackageBundle } from '../../crypto/mls/member/client-identity.ts';
import type { NewEpoch } from '../../crypto/mls/member/epoch-state.ts';
import type { MemberOptions } from '../../crypto/mls/member/member-options.ts';
import type { MemberSuite } from '../../crypto/mls/member/primitives.ts';
import type { RatchetTree } from '../../crypto/mls/ratchet-tree.ts';
import type { Welcome } from '../../crypto/mls/welcome.ts';
import type { RandomBytes } from '../../crypto/random.ts';

export const STAMP = { nowSeconds: 1_700_000_000n, rules: 1 };
export const LIFETIME = { notBefore: STAMP.nowSeconds - 1_000n, notAfter: STAMP.nowSeconds + 1_000_000_000n };

/** What is on a device's disk: its records, and the place in the log up to which they have taken it in. */
export interface Disk {
  readonly records: Map<string, Uint8Array>;
  cursor: number;
}

/** A client with a disk. What was not saved is gone when it restarts. */
export class MlsDevice {
  readonly name: string;
  readonly identity: ClientIdentity;
  readonly options: MemberOptions & { pastEpochsMax: number };
  group: MemberGroup | null = null;
  disk: Disk = { records: new Map(), cursor: 0 };
  #records = new GroupRecords();

  constructor(name: string, suite: MemberSuite, random: RandomBytes) {
    this.name = name;
    this.identity = {
      signingKey: signingKeyPairOf(random(32), suite.ed25519),
      credential: { type: 'basic', identity: utf8ToBytes(name) },
      capabilities: suite.id === HYBRID_SUITE ? HYBRID_CAPABILITIES : DEFAULT_CAPABILITIES,
      leafExtensions: [],
    };
    this.options = { suite, random, application: ANY_APPLICATION, pastEpochsMax: 2 };
  }

  get member(): MemberGroup {
    if (this.group === null) throw new Error(`${this.name} is in no group.`);
    return this.group;
  }

  createKeyPackage(): KeyPackageBundle {
    return createKeyPackage(this.options.suite, this.identity, { lifetime: LIFETIME }, this.options.random);
  }

  /** Takes a new group up, at this place of the log. */
  begin(epoch: NewEpoch, cursor: number): void {
    this.group = MemberGroup.begin(this.options, epoch);
    this.#records = new GroupRecords();
    this.disk = { records: new Map(), cursor };
    this.save(cursor);
  }

  join(welcome: Welcome, keyPackage: KeyPackageBundle, tree: RatchetTree, cursor: number): void {
    const { suite, random, application } = this.options;
    const environment = { suite, random, validation: { suite, ...STAMP, application }, findPsk: () => null };
    const { identity } = this;
    this.begin(joinByWelcome({ welcome, keyPackages: [keyPackage], identity, tree }, environment), cursor);
  }

  /** One transaction: records, cursor, and a reservation of generations. */
  save(cursor: number, reserve = 0): void {
    const { changes, confirm } = this.#records.save(this.member, { application: reserve, handshake: reserve });
    for (const [key, value] of changes) {
      if (value === null) this.disk.records.delete(key);
      else this.disk.records.set(key, value);
    }
    this.disk.cursor = cursor;
    confirm();
  }

  copyOfDisk(): Disk {
    return { records: new Map(this.disk.records), cursor: this.disk.cursor };
  }

  /** Starts again from a disk, which may be an old copy. */
  restart(disk: Disk): void {
    this.disk = disk;
    const { group, records } = GroupRecords.restore(this.options, disk.records);
    this.group = group;
    this.#records = records;
  }

  leave(): void {
    this.group = null;
  }
}
