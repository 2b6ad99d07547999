/** What things on the screen are, not how they look. */
export type Style =
  | 'plain'
  | 'soft'
  | 'strong'
  | 'accent'
  | 'good'
  | 'warn'
  | 'danger'
  | 'bar'
  | 'openBar'
  | 'selected'
  | 'own'
  | 'name0'
  | 'name1'
  | 'name2'
  | 'name3';

interface Look {
  /** SGR attributes that are no colours. */
  readonly attributes: readonly number[];
  /** Of the sixteen that people choose for their terminal, so that they suit its background, light or dark. */
  readonly colours?: readonly number[];
}

const [BOLD, DIM, INVERSE] = [1, 2, 7];
const [RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN] = [31, 32, 33, 34, 35, 36];
const [BLACK, ON_YELLOW] = [30, 43];

const LOOKS: Readonly<Record<Style, Look>> = {
  plain: { attributes: [] },
  soft: { attributes: [DIM] },
  strong: { attributes: [BOLD] },
  accent: { attributes: [BOLD], colours: [CYAN] },
  good: { attributes: [], colours: [GREEN] },
  warn: { attributes: [BOLD], colours: [YELLOW] },
  danger: { attributes: [BOLD], colours: [RED] },
  bar: { attributes: [INVERSE] },
  openBar: { attributes: [BOLD], colours: [BLACK, ON_YELLOW] },
  selected: { attributes: [INVERSE] },
  own: { attributes: [BOLD] },
  name0: { attributes: [BOLD], colours: [GREEN] },
  name1: { attributes: [BOLD], colours: [BLUE] },
  name2: { attributes: [BOLD], colours: [MAGENTA] },
  name3: { attributes: [BOLD], colours: [CYAN] },
};
const NAMES = ['name0', 'name1', 'name2', 'name3'] as const;

/** Without colours a bar that must not be overlooked is inverse. */
const COLOURLESS: Partial<Record<Style, readonly number[]>> = { openBar: [BOLD, INVERSE] };

/** The sequence that turns a style on, after everything was turned off. @param isColoured false under NO_COLOR */
export function sgrOf(style: Style, isColoured: boolean): string {
  const { attributes, colours = [] } = LOOKS[style];
  const codes = isColoured ? [...attributes, ...colours] : (COLOURLESS[style] ?? attributes);
  return `\u001B[${[0, ...codes].join(';')}m`;
}

/** The same for a name wherever it stands. */
export function styleOfName(name: string): Style {
  let hash = 0;
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)!) % 65_521;
  return NAMES[hash % NAMES.length]!;
}

/** https://no-color.org: any value but an empty one; and terminals that have none. */
export function hasColours(env: Readonly<Record<string, string | undefined>>): boolean {
  return (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}
