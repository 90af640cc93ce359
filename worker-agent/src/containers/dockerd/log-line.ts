/** A line that the Docker daemon, or containerd below it, writes; as people read it. Source: logrus, TextFormatter. */
export interface DaemonLine {
  text: string;
  /** Nobody but their authors wants to know: containerd's own children heed no level. */
  isChatter: boolean;
  /** A reason for an end. */
  isGrave: boolean;
}

const FIELDS = /(\w+)=("(?:[^"\\]|\\.)*"|\S*)/g;

export function readDaemonLine(line: string): DaemonLine {
  const fields = Object.fromEntries([...line.matchAll(FIELDS)].map(([, name, value = '']) => [name, unquoted(value)]));
  const { level, msg, error } = fields;
  if (!line.startsWith('time=') || level === undefined || msg === undefined) {
    return { text: line, isChatter: false, isGrave: /^failed to start daemon|^panic:/.test(line) };
  }
  return {
    text: `${level}: ${msg}${error ? `: ${error}` : ''}`,
    isChatter: level === 'info' || level === 'debug',
    isGrave: level === 'fatal',
  };
}

function unquoted(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replace(/\\(["\\])/g, '$1') : value;
}
