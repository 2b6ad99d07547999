import { t } from './catalogue.ts';

/** Dates and sizes as people write them where they are. Formatters are dear to make and are made once. */
const language = (): string | undefined => (t.language === 'en' ? undefined : t.language);

const clock = new Intl.DateTimeFormat(language(), { hour: 'numeric', minute: '2-digit' });
const dayThisYear = new Intl.DateTimeFormat(language(), { weekday: 'long', day: 'numeric', month: 'long' });
const dayOtherYear = new Intl.DateTimeFormat(language(), { day: 'numeric', month: 'long', year: 'numeric' });
const shortDay = new Intl.DateTimeFormat(language(), { day: 'numeric', month: 'short' });
const weekday = new Intl.DateTimeFormat(language(), { weekday: 'short' });
const full = new Intl.DateTimeFormat(language(), { dateStyle: 'long', timeStyle: 'medium' });
const relative = new Intl.RelativeTimeFormat(t.language, { numeric: 'auto' });

const DAY_MS = 86_400_000;

export const clockText = (timeMs: number): string => clock.format(timeMs);
export const fullText = (timeMs: number): string => full.format(timeMs);

/** Today, yesterday, or which day. */
export function dayText(timeMs: number, nowMs: number): string {
  const days = daysBetween(timeMs, nowMs);
  if (days === 0 || days === -1) return capitalised(relative.format(days, 'day'));
  const isThisYear = new Date(timeMs).getFullYear() === new Date(nowMs).getFullYear();
  return (isThisYear ? dayThisYear : dayOtherYear).format(timeMs);
}

/** As short as a list has room for. */
export function listTimeText(timeMs: number, nowMs: number): string {
  const days = daysBetween(timeMs, nowMs);
  if (days === 0) return clock.format(timeMs);
  return days > -7 ? weekday.format(timeMs) : shortDay.format(timeMs);
}

/** How long ago, roughly. */
export function agoText(timeMs: number, nowMs: number): string {
  const minutes = Math.round((timeMs - nowMs) / 60_000);
  if (minutes > -60) return relative.format(minutes, 'minute');
  if (minutes > -24 * 60) return relative.format(Math.round(minutes / 60), 'hour');
  return relative.format(Math.round(minutes / 1440), 'day');
}

const SPANS = [
  ['day', DAY_MS],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** A length of time in its largest fitting unit. */
export function spanText(ms: number): string {
  const [unit, size] = SPANS.find(([, length]) => ms >= length) ?? SPANS[3];
  return new Intl.NumberFormat(language(), { style: 'unit', unit, unitDisplay: 'long' }).format(Math.round(ms / size));
}

const SIZES = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

export function sizeText(bytes: number): string {
  const step = Math.min(SIZES.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
  const maximumFractionDigits = step < 2 ? 0 : 1;
  const format = { style: 'unit', unit: SIZES[step]!, unitDisplay: 'short', maximumFractionDigits } as const;
  return new Intl.NumberFormat(language(), format).format(bytes / 1000 ** step);
}

export const shareText = (share: number): string =>
  new Intl.NumberFormat(language(), { style: 'percent' }).format(Math.min(1, Math.max(0, share)));

function daysBetween(timeMs: number, nowMs: number): number {
  const midnight = (ms: number): number => new Date(ms).setHours(0, 0, 0, 0);
  return Math.round((midnight(timeMs) - midnight(nowMs)) / DAY_MS);
}

function capitalised(text: string): string {
  return text.slice(0, 1).toLocaleUpperCase(t.language) + text.slice(1);
}
