// kubernetes.js FILE: checks every document of a Kubernetes manifest three ways, prints what is wrong
// and exits 1 if anything is.
//
// - its values, by the OpenAPI schemas that the npm package kubernetes-models carries;
// - its fields, by having the TypeScript compiler check it against that package's types, because
//   the schemas let pass a field that they do not know, such as a misspelt one;
// - its pods, by the "restricted" pod security standard, and a root that cannot be written.
const fs = require('fs');
const path = require('path');
const ts = require('typescript');
const yaml = require('yaml');

const pods = {
	CronJob: (doc) => doc.spec.jobTemplate.spec.template.spec,
	Deployment: (doc) => doc.spec.template.spec,
};
const errors = [];

async function checkValues(doc, where) {
	try {
		const { [doc.kind]: Model } = await import(`kubernetes-models/${doc.apiVersion}`);
		new Model(doc).validate();
	} catch (e) {
		errors.push(`${where}: ${e.message}`);
	}
}

function checkFields(doc, where) {
	// beside this file, from where the compiler finds the package
	const name = path.join(__dirname, 'manifest.mts');
	const text = `import { I${doc.kind} } from "kubernetes-models/${doc.apiVersion}";\n` +
		`export const manifest: I${doc.kind} = ${JSON.stringify(doc, null, 1)};\n`;
	const options = { noEmit: true, strict: true, skipLibCheck: true, types: [],
		module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 };
	const host = ts.createCompilerHost(options);
	const { getSourceFile, fileExists, readFile } = host;
	host.fileExists = (f) => f === name || fileExists(f);
	host.readFile = (f) => (f === name ? text : readFile(f));
	host.getSourceFile = (f, ...rest) => f === name
		? ts.createSourceFile(f, text, rest[0]) : getSourceFile.call(host, f, ...rest);
	for (const d of ts.getPreEmitDiagnostics(ts.createProgram([name], options, host)))
		errors.push(`${where}: ${ts.flattenDiagnosticMessageText(d.messageText, '\n')}`);
}

// https://kubernetes.io/docs/concepts/security/pod-security-standards/
function checkPod(pod, where) {
	const say = (what) => errors.push(`${where}: not restricted: ${what}`);
	const harmless = ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral',
		'persistentVolumeClaim', 'projected', 'secret'];
	for (const field of ['hostNetwork', 'hostPID', 'hostIPC'])
		if (pod[field])
			say(field);
	for (const volume of pod.volumes || [])
		if (!Object.keys(volume).every((key) => key === 'name' || harmless.includes(key)))
			say(`volume ${volume.name}`);
	for (const c of [...pod.containers, ...(pod.initContainers || [])]) {
		const own = { ...pod.securityContext, ...c.securityContext };
		if (own.runAsNonRoot !== true || own.runAsUser === 0)
			say(`${c.name} may run as root`);
		if (own.allowPrivilegeEscalation !== false)
			say(`${c.name} may gain privileges`);
		if (!own.capabilities?.drop?.includes('ALL') || own.capabilities.add)
			say(`${c.name} has capabilities`);
		if (!['RuntimeDefault', 'Localhost'].includes(own.seccompProfile?.type))
			say(`${c.name} has no seccomp profile`);
		if (own.readOnlyRootFilesystem !== true)
			say(`${c.name} can write its root`);
	}
}

async function main(file) {
	for (const document of yaml.parseAllDocuments(fs.readFileSync(file, 'utf8'))) {
		errors.push(...document.errors.map((e) => e.message));
		const doc = document.toJS();
		const where = `${doc.kind} ${doc.metadata?.name}`;
		await checkValues(doc, where);
		checkFields(doc, where);
		if (doc.kind in pods)
			checkPod(pods[doc.kind](doc), where);
		console.log(`checked ${where}`);
	}
	errors.forEach((e) => console.error(e));
	process.exitCode = errors.length ? 1 : 0;
}

main(process.argv[2]);
