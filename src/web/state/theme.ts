/** How the app looks; `system` follows what the machine is set to. */
export type Theme = 'system' | 'light' | 'dark';

const KEY = 'parley-theme';

export function rememberedTheme(): Theme {
  const told = localStorage.getItem(KEY);
  return told === 'light' || told === 'dark' ? told : 'system';
}

export function applyTheme(theme: Theme): void {
  if (theme === 'system') document.documentElement.removeAttribute('data-theme');
  else document.documentElement.dataset['theme'] = theme;
}

export function chooseTheme(theme: Theme): void {
  localStorage.setItem(KEY, theme);
  applyTheme(theme);
}
