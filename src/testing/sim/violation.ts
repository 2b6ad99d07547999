/** A promise of the system that did not hold; ends the simulation. */
export class Violation extends Error {
  /** Which promise, one word or two, so that failures can be grouped. */
  readonly rule: string;

  constructor(rule: string, detail: string, options?: { cause?: unknown }) {
    super(`${rule}: ${detail}`, options);
    this.name = 'Violation';
    this.rule = rule;
  }
}

export function insist(condition: boolean, rule: string, detail: () => string): asserts condition {
  if (!condition) throw new Violation(rule, detail());
}
