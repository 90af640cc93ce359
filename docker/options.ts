import { parseArgs } from 'node:util';
import { IMAGES, type ImageName, isTag } from './images.ts';

export interface Options {
  images: readonly ImageName[];
  registry: string | undefined;
  /** Undefined takes the version of package.json. */
  tag: string | undefined;
  base: string | undefined;
  buildBase: string | undefined;
  isStandIn: boolean;
  network: string | undefined;
  source: string | undefined;
  isPushed: boolean;
  saveDir: string | undefined;
}

export const helpText = `npm run images -- [OPTION…]: builds the container images of Easel with the Docker daemon of this machine

  --only NAME[,NAME…]    of ${IMAGES.join(', ')}; all of them when not given
  --registry PLACE       what stands before the names, like registry.example.com/easel
  --tag TAG              the version of package.json when not given
  --base IMAGE           Debian 12 or newer, instead of the one that the Dockerfile names
  --build-base IMAGE     where packages are installed and built; the base when not given
  --make-base            makes a base of this machine's own packages first (debootstrap; needs root), for places
                         where no image can be pulled; implies --network host
  --network NAME         of the containers that build, as docker build takes it
  --source URL           label: where the sources are; the Git remote when not given
  --push                 pushes what was built
  --save FOLDER          writes each image as FOLDER/easel-NAME.tar, for docker load or ctr images import
  --help
`;

/** Throws an error that says what is wrong with the arguments; null when help is asked for. */
export function parseOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', multiple: true },
      registry: { type: 'string' },
      tag: { type: 'string' },
      base: { type: 'string' },
      'build-base': { type: 'string' },
      'make-base': { type: 'boolean' },
      network: { type: 'string' },
      source: { type: 'string' },
      push: { type: 'boolean' },
      save: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return null;
  if (values.tag !== undefined && !isTag(values.tag)) throw new Error(`${values.tag} cannot be the tag of an image`);
  if (values['make-base'] && values.base) throw new Error('--make-base makes the base: --base cannot name another one');
  if (values.push && !values.registry) throw new Error('--push needs --registry: where to?');
  const isStandIn = values['make-base'] ?? false;
  return {
    images: chosenImages(values.only),
    registry: values.registry,
    tag: values.tag,
    base: values.base,
    buildBase: values['build-base'],
    isStandIn,
    network: values.network ?? (isStandIn ? 'host' : undefined),
    source: values.source,
    isPushed: values.push ?? false,
    saveDir: values.save,
  };
}

function chosenImages(only: readonly string[] | undefined): readonly ImageName[] {
  if (!only) return IMAGES;
  const names = only.flatMap((list) => list.split(',')).map((name) => name.trim().replace(/^easel-/, ''));
  const unknown = names.find((name) => !IMAGES.some((image) => image === name));
  if (unknown !== undefined) throw new Error(`no image is called "${unknown}"; there are: ${IMAGES.join(', ')}`);
  return IMAGES.filter((image) => names.includes(image));
}
