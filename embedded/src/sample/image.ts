import type { Screen } from '../screen.ts';
export async function keepSampleImage(_screen: Screen): Promise<string | null> {
  return null;
}
