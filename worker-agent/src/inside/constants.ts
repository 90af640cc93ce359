/** Numbers and names that both ends of `./messages.ts` know; apart, so that the helper is bundled without the parser. */

/** The agent starts the helper of its own pack, so both have one version; a mismatch is a mixed-up installation. */
export const INSIDE_PROTOCOL = 1;
export const CONTROL_STREAM = 'control';
/** Of a connection that a listener took: `listener:<number>`. */
export const LISTENER_STREAM = 'listener:';
/** A longer line on the control connection ends it. */
export const MAX_LINE_BYTES = 65_536;
