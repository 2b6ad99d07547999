import { EXIT } from '../../protocol/errors.ts';
import { adminRequest, askAll } from './admin-client.ts';
import type { AdminTarget } from './admin-client.ts';
import { formatTable } from '../table.ts';
import type { StateHashesJson } from '../../protocol/http/schemas.ts';

const SHALLOW_MS_MAX = 5_000;
/** Reading a few gigabytes of rows takes minutes. */
const DEEP_MS_MAX = 3_600_000;

export interface NodeHashes {
  readonly node: string;
  /** Null when the node does not answer. */
  readonly reply: StateHashesJson | null;
}

export interface Verdict {
  /** The greatest index at which all that answered have a hash; null when there is none. */
  readonly index: number | null;
  readonly equal: boolean;
  readonly nodes: readonly {
    readonly node: string;
    readonly hash: string | null;
    /** Null unless the rows were read. */
    readonly rowsMatch: boolean | null;
    readonly rows: number | null;
  }[];
}

/** Every node by itself; with `deep` each reads all its rows. */
export async function askHashes(target: AdminTarget, deep: boolean): Promise<NodeHashes[]> {
  const timeoutMs = deep ? DEEP_MS_MAX : SHALLOW_MS_MAX;
  return askAll(target, (node) =>
    adminRequest<StateHashesJson>(node, 'GET', `/v1/admin/state-hashes?rows=${deep}`, { timeoutMs }),
  );
}

/** Compares what the nodes say at one index. */
export function judgeHashes(all: readonly NodeHashes[]): Verdict {
  const answered = all.flatMap(({ reply }) => (reply === null ? [] : [new Map(reply.hashes.map(asPair))]));
  const [first, ...others] = answered;
  const common = [...(first?.keys() ?? [])].filter((index) => others.every((hashes) => hashes.has(index)));
  const index = common.length === 0 ? null : Math.max(...common);
  const nodes = all.map(({ node, reply }) => {
    const hash = reply?.hashes.find((one) => one.index === index)?.hash ?? null;
    const rows = reply?.rows ?? null;
    return { node, hash, rowsMatch: rows && rows.recomputed === rows.hash, rows: rows && rows.count };
  });
  const hashes = new Set(nodes.flatMap(({ hash }) => (hash === null ? [] : [hash])));
  return { index, equal: hashes.size === 1 && nodes.every(({ rowsMatch }) => rowsMatch !== false), nodes };
}

/** 0 all nodes answered and agree, 1 they differ or were too far apart to compare, 3 one did not answer. */
export function verifyExitCode({ equal, nodes }: Verdict): number {
  if (!equal) return EXIT.failed;
  return nodes.some(({ hash }) => hash === null) ? EXIT.cannotConnect : EXIT.ok;
}

export function renderVerdict({ index, equal, nodes }: Verdict): string {
  const rows = nodes.map(({ node, hash, rowsMatch, rows: count }) => [
    node,
    hash?.slice(0, 24) ?? 'does not answer',
    rowsMatch === null ? '–' : rowsMatch ? `${count} rows match` : `${count} rows DO NOT MATCH`,
  ]);
  const what =
    index === null ? 'no index in common: ask again' : `state at index ${index}: ${equal ? 'the same' : 'DIFFERENT'}`;
  return `${what}\n${formatTable(['node', 'hash', 'rows on disk'], rows)}`;
}

const asPair = ({ index, hash }: { index: number; hash: string }): [number, string] => [index, hash];
