import { EXIT } from '../../../protocol/errors.ts';
import { printable } from '../../printable.ts';
import { formatTable } from '../../table.ts';
import type { Examined, Finding } from './findings.ts';

/** 0 without problems, 1 with any. */
export const doctorExitCode = (findings: readonly Finding[]): number =>
  findings.some(({ severity }) => severity === 'problem') ? EXIT.failed : EXIT.ok;

/** For people: the nodes at a glance, then each finding with what to do. */
export function renderFindings(all: readonly Examined[], findings: readonly Finding[]): string {
  const rows = all.map(({ node, voter, report }) => [
    node,
    report === null ? 'DOWN' : 'up',
    report?.role ?? '–',
    voter ? 'yes' : 'no',
    report?.leader ?? '–',
    report === null ? '–' : String(report.appliedIndex),
    report?.version ?? '–',
  ]);
  const table = formatTable(['node', 'state', 'role', 'votes', 'follows', 'applied', 'version'], rows, [5]);
  if (findings.length === 0) return `${table}\n\nNothing is wrong.`;
  const told = findings.map(({ severity, node, what, advice }) => {
    const subject = node === null ? '' : `${node}: `;
    // Nodes have a say in it.
    return `${severity === 'problem' ? 'PROBLEM' : 'note'}  ${printable(subject + what)}\n  → ${printable(advice)}`;
  });
  return `${table}\n\n${told.join('\n')}`;
}

/** For programs. */
export const findingsJson = (all: readonly Examined[], findings: readonly Finding[]): unknown => ({
  healthy: doctorExitCode(findings) === EXIT.ok,
  findings,
  nodes: all.map(({ node, voter, url, failure, clockAheadMs, report }) => {
    const clock = report === null ? null : Math.round(clockAheadMs);
    return { node, voter, url, up: report !== null, failure, clockAheadMs: clock, report };
  }),
});
