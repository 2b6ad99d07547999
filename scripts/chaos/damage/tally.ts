import { FATES, type Fate } from './fates.ts';
import { FILE_KINDS, type FileKind } from './file-kinds.ts';
import { formatTable } from '../../../src/cli/table.ts';

/** How often each fate befell whom. */
export class Tally {
  readonly #counts = new Map<FileKind, Map<Fate, number>>();

  add(kind: FileKind, fate: Fate): void {
    const counts = this.#counts.get(kind) ?? new Map<Fate, number>();
    counts.set(fate, (counts.get(fate) ?? 0) + 1);
    this.#counts.set(kind, counts);
  }

  count(fate: Fate, kind?: FileKind): number {
    const kinds = kind === undefined ? [...this.#counts.keys()] : [kind];
    return kinds.reduce((sum, one) => sum + (this.#counts.get(one)?.get(fate) ?? 0), 0);
  }

  total(kind?: FileKind): number {
    return FATES.reduce((sum, fate) => sum + this.count(fate, kind), 0);
  }

  /** The part that came back into full service with nobody's help but the other nodes'. */
  selfRepaired(kind?: FileKind): number {
    const good = ['unharmed', 'alone', 'peers'] as const;
    return good.reduce((sum, fate) => sum + this.count(fate, kind), 0) / this.total(kind);
  }

  table(): string {
    const row = (name: string, kind?: FileKind): string[] => [
      name,
      String(this.total(kind)),
      ...FATES.map((fate) => String(this.count(fate, kind))),
      `${(100 * this.selfRepaired(kind)).toFixed(2)} %`,
    ];
    const kinds = (Object.keys(FILE_KINDS) as FileKind[]).filter((kind) => this.#counts.has(kind));
    return formatTable(
      ['damaged', 'copies', ...FATES, 'self-repaired'],
      [...kinds.map((kind) => row(kind, kind)), row('all')],
    );
  }
}
