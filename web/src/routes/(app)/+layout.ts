/** The signed-in pages live in the browser: their state comes by the socket and would be old when it arrived as HTML. */
export const ssr = false;
