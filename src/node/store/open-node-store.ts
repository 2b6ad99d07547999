import { EMPTY_CONF_STATE, type ConfState, type PeerId } from '../../consensus/types.ts';
import { ParleyError } from '../../protocol/errors.ts';
import type { LogStore, StateStore } from '../ports.ts';
import type { Sighting } from '../rollback/witness.ts';
import { BootRecord } from './boot-record.ts';
import { damageOf, damaged } from './damage.ts';
import { lockDirectory, type DirectoryLock } from './directory-lock.ts';
import { FatalSwitch } from './fatal-switch.ts';
import { makeDirectory } from './files.ts';
import { LevelLogStore } from './level-log-store.ts';
import { LevelStateStore } from './level-state-store.ts';
import { readIdentity, sameFounding, writeFounding, writeManifest, type Identity } from './manifest.ts';
import { readMark } from './mark-file.ts';
import type { MarkContent } from './mark-slot.ts';
import {
  STORE_LIMITS,
  type DamagedStore,
  type Founding,
  type IntactStore,
  type Manifest,
  type NodeStoreOptions,
  type OpenedStore,
  type StoreDamage,
  type StoreHistory,
} from './node-store.ts';
import type { RecoveredLog } from './log-recovery.ts';
import { markPath, openLog, replaceLog, type OpenLogOptions, type OpenedLog } from './open-log.ts';
import { createState, openState } from './open-state.ts';
import { readSightings, writeSightings } from './witness-file.ts';
import type { StateDatabase } from './state-database.ts';
import { StateFolders } from './state-folders.ts';

/**
 * Opens or makes a node's data directory. One process at a time.
 *
 * @throws ParleyError `data_in_use` when another process has it, `wrong_cluster` when it belongs to another node,
 *   `unsupported_version` when a newer program wrote it; what is in it is then as it was
 */
export async function openNodeStore(options: NodeStoreOptions): Promise<OpenedStore> {
  await makeDirectory(options.dir);
  const lock = await lockDirectory(options.dir);
  try {
    return await openLocked(options, lock);
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openLocked(options: NodeStoreOptions, lock: DirectoryLock): Promise<OpenedStore> {
  const { dir, logger } = options;
  const { identity, damage: lost } = await readIdentityOrDamage(options);
  const boot = await BootRecord.begin(dir, Date.now(), identity.manifest !== undefined);
  const opened = { identity, boot, lock };
  let damage = lost;
  if (damage === undefined) {
    try {
      return await openParts(options, opened);
    } catch (error) {
      damage = damageOf(error);
      if (damage === undefined) throw error;
    }
  }
  logger.error({ damage }, 'the data of this node is damaged');
  return new Damaged({ dir, ...opened }, damage, await copiesBeside(dir));
}

async function readIdentityOrDamage({
  dir,
  nodeName,
}: NodeStoreOptions): Promise<{ identity: Identity; damage: StoreDamage | undefined }> {
  try {
    return { identity: await readIdentity(dir, nodeName), damage: undefined };
  } catch (error) {
    const damage = damageOf(error);
    if (damage === undefined) throw error;
    return { identity: { manifest: undefined, founding: undefined }, damage };
  }
}

interface Opened {
  readonly identity: Identity;
  readonly boot: BootRecord;
  readonly lock: DirectoryLock;
}

async function openParts(options: NodeStoreOptions, opened: Opened): Promise<IntactStore> {
  const fresh = opened.identity.manifest === undefined;
  const sightings = await readSightings(options.dir, options.logger);
  const limits = { ...STORE_LIMITS, ...options.limits };
  const logOptions: OpenLogOptions = {
    dir: options.dir,
    fresh,
    limits,
    logger: options.logger,
    fatal: new FatalSwitch(options.onFatal),
  };
  const parts = await openBoth(logOptions);
  if (parts.kind === 'open')
    return new Intact({ ...opened, ...parts, sightings, options, limits, fatal: logOptions.fatal });
  const { damage } = parts;
  if (!parts.mayRepair || fresh) throw damaged(damage.part, damage.where, damage.reason);
  options.logger.error({ damage }, 'the state is damaged, the log does not reach back far enough: both begin anew');
  await replaceLog(logOptions, parts.promised, false);
  const again = await openBoth(logOptions);
  if (again.kind === 'open') {
    return new Intact({ ...opened, ...again, sightings, options, limits, fatal: logOptions.fatal, damage });
  }
  throw damaged(again.damage.part, again.damage.where, again.damage.reason);
}

type OpenedBoth =
  | { readonly kind: 'open'; readonly folders: StateFolders; readonly log: OpenedLog; readonly disk: StateDatabase }
  /** The log can be read, but there is no state that it continues; both are closed. */
  | {
      readonly kind: 'stateless';
      readonly damage: StoreDamage;
      readonly promised: MarkContent;
      readonly mayRepair: boolean;
    };

/** @throws ParleyError `damaged` when the log cannot be opened */
async function openBoth(options: OpenLogOptions): Promise<OpenedBoth> {
  const log = await openLog(options);
  try {
    const folders = await StateFolders.open(options.dir);
    return { kind: 'open', folders, log, disk: await openMatchingState(options, folders, log.recovered) };
  } catch (error) {
    await log.markFile.close();
    await log.database.close();
    const damage = damageOf(error);
    if (damage === undefined) throw error;
    // A sound log that contradicts a sound state: nobody can tell which of them is ours.
    const mayRepair = damage.part === 'state' || log.recovered.repair !== undefined;
    return { kind: 'stateless', damage, promised: log.markFile.content, mayRepair };
  }
}

/** @throws ParleyError `damaged` when there is no state that the log continues, and the log does not begin at 1 */
async function openMatchingState(
  { fresh, limits, logger, fatal }: OpenLogOptions,
  folders: StateFolders,
  log: RecoveredLog,
): Promise<StateDatabase> {
  const disk = await openState({ folders, fresh, logBase: log.base.index, limits, logger, fatal });
  try {
    checkAgreement(log, disk);
    return disk;
  } catch (error) {
    await disk.close();
    if (log.repair === undefined || log.base.index > 0) throw error;
    logger.warn({ damage: damageOf(error) }, 'the state is set aside: the log does not lead up to it any more');
    await folders.setAside(disk.where);
    return createState({ folders, limits });
  }
}

/**
 * The state holds what the log has, or is about to hold: only a snapshot that was installed as state, but not as log
 * yet, may be ahead of it.
 */
function checkAgreement({ base, tail, terms }: RecoveredLog, disk: StateDatabase): void {
  const { index, term } = disk.applied;
  const last = tail.next - 1;
  if (index < base.index) {
    throw damaged('state', disk.where, `it ends at entry ${index}, but the log begins at ${base.index + 1}`);
  }
  if (disk.installedFrom?.metadata.index === index) return;
  if (index > last) throw damaged('log', 'log', `it ends at entry ${last}, but entry ${index} was applied`);
  const logTerm = index === base.index ? base.term : terms.termAt(index);
  if (logTerm !== term) {
    throw damaged('log', 'log', `entry ${index} has term ${logTerm}, but one of term ${term} was applied`);
  }
}

async function copiesBeside(dir: string): Promise<MarkContent | undefined> {
  try {
    return await readMark(markPath(dir));
  } catch {
    return undefined;
  }
}

interface IntactParts extends Opened {
  readonly options: NodeStoreOptions;
  readonly limits: typeof STORE_LIMITS;
  readonly fatal: FatalSwitch;
  readonly folders: StateFolders;
  readonly log: OpenedLog;
  readonly disk: StateDatabase;
  readonly sightings: readonly Sighting[];
  /** Why log and state begin anew. */
  readonly damage?: StoreDamage;
}

function historyOf({ boot, options, sightings }: IntactParts): StoreHistory {
  return {
    get lineage() {
      return boot.lineage;
    },
    get refusal() {
      return boot.refusal;
    },
    confirm: () => boot.confirm(),
    refuse: (reason) => boot.refuse(reason),
    sightings,
    saveSightings: (rows) => writeSightings(options.dir, rows),
  };
}

class Intact implements IntactStore {
  readonly kind = 'intact';
  readonly dir: string;
  readonly bootId: number;
  readonly history: StoreHistory;
  readonly repair: StoreDamage | undefined;
  readonly log: LogStore;
  readonly state: StateStore;
  readonly #parts: IntactParts;
  #identity: Identity;

  constructor(parts: IntactParts) {
    const { options, limits, fatal, folders, disk } = parts;
    this.dir = options.dir;
    this.bootId = parts.boot.boot;
    this.history = historyOf(parts);
    const { repair } = parts.log.recovered;
    this.repair = repair && (parts.damage ?? { part: 'log', where: 'log', reason: repair.reason });
    this.#parts = parts;
    this.#identity = parts.identity;
    const state = new LevelStateStore({
      folders,
      disk,
      foundingConfState: () => this.#foundingConfState(),
      limits,
      fatal,
    });
    this.state = state;
    this.log = new LevelLogStore({
      ...parts.log,
      limits,
      fatal,
      applied: () => ({ index: state.appliedIndex, confState: state.confState }),
      mayWrite: () => this.manifest !== undefined,
    });
  }

  get manifest(): Manifest | undefined {
    return this.#identity.manifest;
  }

  get founding(): Founding | undefined {
    return this.#identity.founding;
  }

  #foundingConfState(): ConfState {
    const peers = this.manifest?.peers ?? [];
    return { ...EMPTY_CONF_STATE, voters: peers.map(({ peerId }) => peerId).sort((a, b) => a - b) };
  }

  async recordFounding(founding: Founding): Promise<void> {
    const known = this.founding;
    if (known !== undefined) {
      if (sameFounding(known, founding)) return;
      throw new ParleyError(
        'wrong_cluster',
        `${this.dir} belongs to cluster ${known.clusterId} with its peers, not to ${founding.clusterId}.`,
      );
    }
    await writeFounding(this.dir, this.#parts.options.nodeName, founding);
    this.#identity = { manifest: undefined, founding };
  }

  async join(): Promise<Manifest> {
    const { manifest, founding } = this.#identity;
    if (manifest !== undefined) return manifest;
    if (founding === undefined) throw new Error('there is no founding record to join by');
    return this.#becomeMember(founding);
  }

  async enter(founding: Founding, peer: PeerId): Promise<Manifest> {
    const { manifest, founding: begun } = this.#identity;
    if (manifest !== undefined || begun !== undefined) throw new Error('only an empty node enters a cluster');
    return this.#becomeMember(founding, peer);
  }

  async #becomeMember(founding: Founding, ownPeer?: PeerId): Promise<Manifest> {
    const written = await writeManifest(this.dir, this.#parts.options.nodeName, founding, ownPeer);
    this.#identity = { manifest: written, founding: written };
    return written;
  }

  async close(): Promise<void> {
    await this.state.close();
    await this.log.close();
    await this.#parts.lock.release();
  }
}

class Damaged implements DamagedStore {
  readonly kind = 'damaged';
  readonly dir: string;
  readonly bootId: number;
  readonly manifest: DamagedStore['manifest'];
  readonly founding: DamagedStore['founding'];
  readonly damage: StoreDamage;
  readonly hardState: DamagedStore['hardState'];
  readonly mark: DamagedStore['mark'];
  readonly #lock: DirectoryLock;

  constructor(opened: Opened & { readonly dir: string }, damage: StoreDamage, beside: MarkContent | undefined) {
    this.dir = opened.dir;
    this.bootId = opened.boot.boot;
    this.manifest = opened.identity.manifest;
    this.founding = opened.identity.founding;
    this.damage = damage;
    this.hardState = beside?.hardState;
    this.mark = beside?.mark;
    this.#lock = opened.lock;
  }

  close(): Promise<void> {
    return this.#lock.release();
  }
}
