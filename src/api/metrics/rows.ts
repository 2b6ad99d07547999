/** A metric that is read when it is scraped, and costs nothing before. */
export interface Row<Measures> {
  readonly name: string;
  readonly kind: 'gauge' | 'counter';
  readonly help: string;
  readonly label?: string;
  /** One number; one for each value of the label; null for what cannot be said now. */
  readonly read: (measures: Measures) => number | null | readonly (readonly [label: string, value: number])[];
}

const MS_PER_SECOND = 1_000;

export const seconds = (ms: number): number => ms / MS_PER_SECOND;
export const flag = (isSo: boolean): number => (isSo ? 1 : 0);
