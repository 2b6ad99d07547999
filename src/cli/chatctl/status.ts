import { EXIT } from '../../protocol/errors.ts';
import { formatTable } from '../table.ts';
import type { StatusJson } from '../../protocol/http/schemas.ts';

/** 0 healthy, 1 degraded, 4 no quorum. */
export function statusExitCode(status: StatusJson): number {
  const votersUp = status.nodes.filter(
    ({ voter, up, problem, diskLow }) => voter && up && (problem === null || diskLow),
  ).length;
  if (status.leader === null || votersUp < status.quorum.needed) return EXIT.noQuorum;
  return status.healthy ? EXIT.ok : EXIT.failed;
}

/** What `--json` says, at a glance. */
export function renderStatus(status: StatusJson): string {
  const { quorum, nodes } = status;
  const state = ['healthy', 'degraded'][statusExitCode(status)] ?? 'NO QUORUM';
  const lines = [
    `cluster ${status.clusterId ?? '(not founded)'}: ${state}`,
    `leader ${status.leader ?? '–'}, term ${status.term}, committed ${status.commitIndex}; ` +
      `${quorum.voters} voters, ${quorum.needed} needed, ${mayFail(status)}`,
    '',
    formatTable(
      ['node', 'state', 'role', 'applied', 'lag', 'sockets', 'up for', 'pid', 'nats', 'url', 'state hash', 'verified'],
      nodes.map((node) => [
        node.id,
        node.up ? 'up' : 'DOWN',
        node.role ?? '–',
        text(node.appliedIndex),
        text(node.lag),
        text(node.sockets),
        node.uptimeMs === null ? '–' : duration(node.uptimeMs),
        text(node.pid),
        text(node.natsPid),
        node.api ?? '–',
        node.stateHash === null ? '–' : `${node.stateHash.slice(0, 12)}@${node.stateHashIndex}`,
        node.verifiedAgoMs === null ? '–' : `${duration(node.verifiedAgoMs)} ago`,
      ]),
      [3, 4, 5, 6, 7, 8],
    ),
  ];
  for (const { id, problem } of nodes) if (problem !== null) lines.push(`${id}: ${problem}`);
  return lines.join('\n');
}

/** Counted from the voters that serve now. */
function mayFail({ quorum, nodes }: StatusJson): string {
  const serving = nodes.filter(({ voter, up, problem }) => voter && up && problem === null).length;
  const spare = serving - quorum.needed;
  if (spare < 0) return `${-spare} too few`;
  return serving === quorum.voters ? `${spare} may fail` : `${spare} more may fail`;
}

function text(value: number | string | null): string {
  return value === null ? '–' : String(value);
}

function duration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}
