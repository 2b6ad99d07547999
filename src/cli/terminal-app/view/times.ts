const clock = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const dayThisYear = new Intl.DateTimeFormat('en', { weekday: 'long', day: 'numeric', month: 'long' });
const dayOtherYear = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'long', year: 'numeric' });
const DAY_MS = 86_400_000;

/** So wide is every `clockText`. */
export const CLOCK_WIDTH = 5;

/** `10:04`, in local time. */
export const clockText = (timeMs: number): string => clock.format(timeMs);

/** Today, yesterday, or which day. */
export function dayText(timeMs: number, nowMs: number): string {
  const midnight = (ms: number): number => new Date(ms).setHours(0, 0, 0, 0);
  const days = Math.round((midnight(timeMs) - midnight(nowMs)) / DAY_MS);
  if (days === 0) return 'Today';
  if (days === -1) return 'Yesterday';
  const isThisYear = new Date(timeMs).getFullYear() === new Date(nowMs).getFullYear();
  return (isThisYear ? dayThisYear : dayOtherYear).format(timeMs);
}

/** `3 min ago`, `2 h ago`, `5 days ago`. */
export function agoText(timeMs: number, nowMs: number): string {
  const minutes = Math.max(0, Math.round((nowMs - timeMs) / 60_000));
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `${Math.round(minutes / 60)} h ago`;
  return `${Math.round(minutes / 1_440)} days ago`;
}
