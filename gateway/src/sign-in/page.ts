/** The small page that the browser shows at the end of a sign-in. Its texts are ours; nothing of a request is in it. */
export function closingPage(title: string, text: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title} · Easel</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { display: grid; place-content: center; min-height: 90vh; text-align: center; margin: 1rem }
  h1 { font-size: 1.4rem; margin: 0 }
</style>
<main><h1>${title}</h1><p>${text}</p></main>
</html>
`;
}
