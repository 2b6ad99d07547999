import { LastSeen } from './last-seen.ts';
import { isSeen } from './presence-row.ts';
import type { AccountId, NodeName } from '../../protocol/ids.ts';
import type { PresenceRow } from './presence-row.ts';

interface KnownNode {
  readonly boot: number;
  /** Of its rows; null before all of them are known. */
  version: number | null;
  heardMs: number;
  heardWallMs: number;
  rows: Map<AccountId, PresenceRow>;
}

export interface KnownPresenceOptions {
  /** A node that is silent for longer is gone, and with it those who were there. */
  readonly expiryMs: number;
  readonly lastSeenMax: number;
  /** Rows that are kept of one node. */
  readonly rowsMax: number;
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  readonly onChange: (account: AccountId) => void;
}

/** Who has live feeds on the other nodes, as those have told. */
export class KnownPresence {
  readonly #options: KnownPresenceOptions;
  readonly #nodes = new Map<NodeName, KnownNode>();
  /** Of those whose node is gone. */
  readonly #seen: LastSeen;

  constructor(options: KnownPresenceOptions) {
    this.#options = options;
    this.#seen = new LastSeen(options.lastSeenMax);
  }

  /** @returns whether something was missed: then all has to be asked for */
  takeChanges(
    from: NodeName,
    boot: number,
    {
      after,
      version,
      rows,
    }: { readonly after: number; readonly version: number; readonly rows: readonly PresenceRow[] },
  ): boolean {
    const node = this.#heard(from, boot);
    if (node.version !== null && version <= node.version) return false;
    if (node.version !== after) return true;
    node.version = version;
    for (const row of rows) this.#put(node, row);
    return false;
  }

  takeAll(
    from: NodeName,
    boot: number,
    { version, rows }: { readonly version: number; readonly rows: readonly PresenceRow[] },
  ): void {
    const node = this.#heard(from, boot);
    if (node.version !== null && version < node.version) return;
    node.version = version;
    const before = node.rows;
    node.rows = new Map();
    for (const row of rows) this.#put(node, row);
    for (const account of before.keys()) if (!node.rows.has(account)) this.#options.onChange(account);
  }

  rowsOf(account: AccountId): Omit<PresenceRow, 'account'>[] {
    const rows: Omit<PresenceRow, 'account'>[] = [{ status: 'offline', seenMs: this.#seen.of(account) }];
    for (const node of this.#nodes.values()) {
      const row = node.rows.get(account);
      if (row !== undefined) rows.push(row);
    }
    return rows;
  }

  /** Forgets nodes that have fallen silent. */
  tick(): void {
    const nowMs = this.#options.monotonicMs();
    for (const [name, node] of this.#nodes) {
      if (nowMs - node.heardMs > this.#options.expiryMs) this.#forget(name, node);
    }
  }

  #heard(from: NodeName, boot: number): KnownNode {
    const known = this.#nodes.get(from);
    if (known !== undefined && known.boot !== boot) this.#forget(from, known);
    const node = this.#nodes.get(from) ?? { boot, version: null, heardMs: 0, heardWallMs: 0, rows: new Map() };
    node.heardMs = this.#options.monotonicMs();
    node.heardWallMs = this.#options.wallMs();
    this.#nodes.set(from, node);
    return node;
  }

  #put(node: KnownNode, row: PresenceRow): void {
    const { account } = row;
    if (node.rows.size >= this.#options.rowsMax && !node.rows.has(account)) return;
    // What nobody remembers need not be kept.
    if (row.status === 'offline' && row.seenMs === null) node.rows.delete(account);
    else node.rows.set(account, row);
    this.#options.onChange(account);
  }

  #forget(name: NodeName, node: KnownNode): void {
    this.#nodes.delete(name);
    for (const { account, status, seenMs } of node.rows.values()) {
      const lastMs = isSeen(status) ? node.heardWallMs : seenMs;
      if (lastMs !== null) this.#seen.note(account, lastMs);
      this.#options.onChange(account);
    }
  }
}
