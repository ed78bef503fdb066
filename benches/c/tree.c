/* The metadata rows by the C library alone: the very library that h5mason is linked with, called in the obvious loops.
 *
 *   tree build FILE GROUPS DATASETS ATTRIBUTES     GROUPS groups of DATASETS int32 datasets of 20, each with ATTRIBUTES texts
 *   tree walk FILE                                 reads every object's shape, type and attributes, values included
 *   tree change FILE GROUPS DATASETS ATTRIBUTES    gives the first ATTRIBUTES attributes of each dataset another value
 *
 * The file is of the kind that h5mason makes: format 1.8 and later, no times, texts of variable length. Handles are kept where a loop can
 * keep them. */
#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY(call)                                                                                                                            \
    do {                                                                                                                                     \
        if ((call) < 0) {                                                                                                                    \
            fprintf(stderr, "failed: %s\n", #call);                                                                                          \
            exit(1);                                                                                                                         \
        }                                                                                                                                    \
    } while (0)

static hid_t text_type(void) {
    hid_t type = H5Tcopy(H5T_C_S1);
    TRY(H5Tset_size(type, H5T_VARIABLE));
    TRY(H5Tset_cset(type, H5T_CSET_UTF8));
    return type;
}

static hid_t access_list(void) {
    hid_t list = H5Pcreate(H5P_FILE_ACCESS);
    TRY(H5Pset_libver_bounds(list, H5F_LIBVER_V18, H5F_LIBVER_LATEST));
    return list;
}

static void build(const char *path, int groups, int datasets, int attributes) {
    hid_t access = access_list(), untimed = H5Pcreate(H5P_DATASET_CREATE), untimed_group = H5Pcreate(H5P_GROUP_CREATE);
    TRY(H5Pset_obj_track_times(untimed, 0));
    TRY(H5Pset_obj_track_times(untimed_group, 0));
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    TRY(file);
    hsize_t extent = 20;
    hid_t space = H5Screate_simple(1, &extent, NULL), scalar = H5Screate(H5S_SCALAR), text = text_type();
    const char *first = "m", *others = "x";
    char name[32];
    for (int g = 0; g < groups; g++) {
        snprintf(name, sizeof name, "g%d", g);
        hid_t group = H5Gcreate2(file, name, H5P_DEFAULT, untimed_group, H5P_DEFAULT);
        TRY(group);
        for (int d = 0; d < datasets; d++) {
            snprintf(name, sizeof name, "d%d", d);
            hid_t dataset = H5Dcreate2(group, name, H5T_STD_I32LE, space, H5P_DEFAULT, untimed, H5P_DEFAULT);
            TRY(dataset);
            for (int a = 0; a < attributes; a++) {
                snprintf(name, sizeof name, "a%d", a);
                hid_t attribute = H5Acreate2(dataset, name, text, scalar, H5P_DEFAULT, H5P_DEFAULT);
                TRY(attribute);
                TRY(H5Awrite(attribute, text, a ? &others : &first));
                TRY(H5Aclose(attribute));
            }
            TRY(H5Dclose(dataset));
        }
        TRY(H5Gclose(group));
    }
    TRY(H5Fclose(file));
}

/* What a walk has seen: printed, so that nothing of it is left out. */
static long objects, elements, letters;

static herr_t read_attribute(hid_t object, const char *name, const H5A_info_t *info, void *text) {
    (void)info;
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT), type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    if (H5Tis_variable_str(type) > 0) {
        char *value = NULL;
        TRY(H5Aread(attribute, *(hid_t *)text, &value));
        letters += (long)strlen(value);
        TRY(H5free_memory(value));
    }
    TRY(H5Sclose(space));
    TRY(H5Tclose(type));
    TRY(H5Aclose(attribute));
    return 0;
}

static herr_t read_link(hid_t group, const char *name, const H5L_info2_t *link, void *text) {
    if (link->type != H5L_TYPE_HARD) return 0;
    hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    TRY(object);
    objects++;
    hsize_t at = 0;
    TRY(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, &at, read_attribute, text));
    if (H5Iget_type(object) == H5I_GROUP) {
        TRY(H5Literate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, read_link, text));
    } else {
        hid_t type = H5Dget_type(object), space = H5Dget_space(object);
        elements += (long)(H5Sget_simple_extent_npoints(space) * (hssize_t)H5Tget_size(type));
        TRY(H5Sclose(space));
        TRY(H5Tclose(type));
    }
    TRY(H5Oclose(object));
    return 0;
}

static void walk(const char *path) {
    hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT), text = text_type();
    TRY(file);
    TRY(H5Literate2(file, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, read_link, &text));
    TRY(H5Fclose(file));
    printf("%ld objects, %ld bytes, %ld letters\n", objects, elements, letters);
}

static void change(const char *path, int groups, int datasets, int attributes) {
    hid_t access = access_list(), file = H5Fopen(path, H5F_ACC_RDWR, access), text = text_type();
    TRY(file);
    const char *value = "cm";
    char name[32];
    for (int g = 0; g < groups; g++) {
        snprintf(name, sizeof name, "g%d", g);
        hid_t group = H5Gopen2(file, name, H5P_DEFAULT);
        TRY(group);
        for (int d = 0; d < datasets; d++) {
            snprintf(name, sizeof name, "d%d", d);
            hid_t dataset = H5Oopen(group, name, H5P_DEFAULT);
            TRY(dataset);
            for (int a = 0; a < attributes; a++) {
                snprintf(name, sizeof name, "a%d", a);
                hid_t attribute = H5Aopen(dataset, name, H5P_DEFAULT);
                TRY(attribute);
                TRY(H5Awrite(attribute, text, &value));
                TRY(H5Aclose(attribute));
            }
            TRY(H5Oclose(dataset));
        }
        TRY(H5Gclose(group));
    }
    TRY(H5Fclose(file));
}

int main(int argc, char **argv) {
    if (argc == 3 && !strcmp(argv[1], "walk")) {
        walk(argv[2]);
    } else if (argc == 6 && !strcmp(argv[1], "build")) {
        build(argv[2], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
    } else if (argc == 6 && !strcmp(argv[1], "change")) {
        change(argv[2], atoi(argv[3]), atoi(argv[4]), atoi(argv[5]));
    } else {
        fprintf(stderr, "usage: tree build|change FILE GROUPS DATASETS ATTRIBUTES, tree walk FILE\n");
        return 2;
    }
    return 0;
}
